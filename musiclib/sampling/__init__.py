"""Sampling: from a trained run to new music.

``generate`` returns new scores, ``harmonize`` the voices to a melody; ``latent`` moves in the latent space of a VAE.
``rules`` holds the sampling rules, ``copying`` the guard against copying, ``primers`` what a piece continues or is
conditioned on, and ``compiled_loop`` the loop.
"""

from musiclib.sampling import latent
from musiclib.sampling.copying import Guard
from musiclib.sampling.generation import generate, generate_ids
from musiclib.sampling.harmonizing import harmonize
from musiclib.sampling.primers import primer_ids, random_notes, random_window
from musiclib.sampling.rules import Rules, choose, repetition_penalty, temperature, top_k, top_p
from musiclib.sampling.sounding import generate_frames

__all__ = [
    "Guard", "Rules", "choose", "generate", "generate_frames", "generate_ids", "harmonize", "latent", "primer_ids",
    "random_notes", "random_window", "repetition_penalty", "temperature", "top_k", "top_p",
]  # fmt: skip
