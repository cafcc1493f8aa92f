"""Palette: the colours of parts and curves."""

# Okabe and Ito, "Color Universal Design" (2008), safe for colour blindness; without black and the yellow, which is
# hard to see on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
