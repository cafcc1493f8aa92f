"""Sampling: from a trained run to new music.

``generate`` returns new scores, ``harmonize`` the voices to a melody, ``infill`` a piece with some bars or voices of it
composed anew; ``rank`` sorts versions, and ``latent`` moves in the latent space of a VAE.

``rules`` holds the sampling rules; ``constraints`` bars, keys and cadences, as tables of ``bar_tables`` that ``limits``
applies; ``choosing`` picks one of several candidates, ``marking`` gives pieces tempo, metre and instruments, ``gaps``
opens and fills bars, ``copying`` is the guard against copying, ``primers`` reads what is continued or a condition, and
``compiled_loop`` is the loop.
"""

from musiclib.sampling import latent
from musiclib.sampling.constraints import Constraints, Generated
from musiclib.sampling.copying import Guard
from musiclib.sampling.generation import generate, generate_ids
from musiclib.sampling.harmonizing import harmonize
from musiclib.sampling.infilling import infill
from musiclib.sampling.primers import primer_ids, random_notes, random_window
from musiclib.sampling.ranking import Ranked, rank
from musiclib.sampling.rules import Rules, choose, repetition_penalty, temperature, top_k, top_p
from musiclib.sampling.sounding import generate_frames

__all__ = [
    "Constraints", "Generated", "Guard", "Ranked", "Rules", "choose", "generate", "generate_frames", "generate_ids",
    "harmonize", "infill", "latent", "primer_ids", "random_notes", "random_window", "rank", "repetition_penalty",
    "temperature", "top_k", "top_p",
]  # fmt: skip
