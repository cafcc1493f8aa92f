"""Numbered notation (jianpu): the signs of a score, their columns and lines, the picture and the text."""
