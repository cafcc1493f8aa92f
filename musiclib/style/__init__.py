"""Style: transfer of pieces between styles, from a description, by latent arithmetic and by style tokens.

``learn`` trains a network on folders of music, ``transfer`` brings a piece into a style, ``describe`` reads a line of
text; ``tokens`` are the styles' vectors and tokens, ``Judge`` and ``measures`` tell what a transfer is worth.
"""

from musiclib.style import measures, tokens
from musiclib.style.describing import Description, describe
from musiclib.style.judge import Judge
from musiclib.style.learning import learn
from musiclib.style.styles import FOLK, choral
from musiclib.style.transfer import decoded, latents, transfer

__all__ = [
    "FOLK", "Description", "Judge", "choral", "decoded", "describe", "latents", "learn", "measures", "tokens",
    "transfer",
]  # fmt: skip
