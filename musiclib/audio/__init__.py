"""Audio: synthesis of a Score, WAV files, a notebook player, recordings, and spectra of sound and back."""

from musiclib.audio.looping import synthesize_loop
from musiclib.audio.recordings import read_audio
from musiclib.audio.synthesis import synthesize
from musiclib.audio.wav import player, write_wav

__all__ = ["player", "read_audio", "synthesize", "synthesize_loop", "write_wav"]
