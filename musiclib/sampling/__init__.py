"""Sampling: from a trained run to new music.

``generate`` turns a run into scores, ``harmonize`` a melody into voices; ``rules`` holds what shapes
the choice of the next token, ``copying`` keeps it from quoting, and ``primers`` are what a piece can
go on from or answer to.
"""

from musiclib.sampling.copying import Guard
from musiclib.sampling.generation import generate, generate_ids
from musiclib.sampling.harmonizing import harmonize
from musiclib.sampling.primers import primer_ids, random_notes, random_window
from musiclib.sampling.rules import choose, repetition_penalty, temperature, top_k, top_p

__all__ = [
    "Guard",
    "choose",
    "generate",
    "generate_ids",
    "harmonize",
    "primer_ids",
    "random_notes",
    "random_window",
    "repetition_penalty",
    "temperature",
    "top_k",
    "top_p",
]
