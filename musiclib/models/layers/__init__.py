"""Layers: parts that several networks share."""
