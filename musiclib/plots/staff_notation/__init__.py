"""Staff notation: staves and clefs of a score, the MEI document, and its engraving by Verovio."""
