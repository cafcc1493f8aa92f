"""Audio: a Score becomes sound, as an array, a WAV file or a player in a notebook."""

from musiclib.audio.synthesis import LONGEST_TAIL, player, synthesize, write_wav

__all__ = ["LONGEST_TAIL", "player", "synthesize", "write_wav"]
