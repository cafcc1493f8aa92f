"""Audio: synthesis of a Score as an array, a WAV file or a notebook player."""

from musiclib.audio.synthesis import synthesize
from musiclib.audio.wav import player, write_wav

__all__ = ["player", "synthesize", "write_wav"]
