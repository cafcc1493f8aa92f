"""Sampling: from a trained run to new music.

``generate`` returns new scores, ``harmonize`` the voices to a melody, ``rank`` the best of several versions; ``latent``
moves in the latent space of a VAE. ``rules`` holds the sampling rules, ``constraints`` bars, keys and cadences (by the
tables of ``bar_tables``, applied by ``limits``), ``choosing`` picks one of several candidates, ``copying`` is the guard
against copying, ``primers`` what a piece continues or is conditioned on, and ``compiled_loop`` the loop.
"""

from musiclib.sampling import latent
from musiclib.sampling.constraints import Constraints, Generated
from musiclib.sampling.copying import Guard
from musiclib.sampling.generation import generate, generate_ids
from musiclib.sampling.harmonizing import harmonize
from musiclib.sampling.primers import primer_ids, random_notes, random_window
from musiclib.sampling.ranking import Ranked, rank
from musiclib.sampling.rules import Rules, choose, repetition_penalty, temperature, top_k, top_p
from musiclib.sampling.sounding import generate_frames

__all__ = [
    "Constraints", "Generated", "Guard", "Ranked", "Rules", "choose", "generate", "generate_frames", "generate_ids",
    "harmonize", "latent", "primer_ids", "random_notes", "random_window", "rank", "repetition_penalty", "temperature",
    "top_k", "top_p",
]  # fmt: skip
