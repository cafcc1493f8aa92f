"""Audio: a Score becomes sound, as an array, a WAV file or a player in a notebook."""

from musiclib.audio.synthesis import synthesize
from musiclib.audio.wav import player, write_wav

__all__ = ["player", "synthesize", "write_wav"]
