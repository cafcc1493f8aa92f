"""MIDI: one track per part, exact to 1/1920 of a quarter note."""

from __future__ import annotations

import pathlib

from musiclib import _atomic
from musiclib.score import Score
from musiclib.score.checking import check_written
from musiclib.score.instruments import DRUM_KIT
from musiclib.writers.rounding import rounded, time_signatures

TICKS = 1920  # per quarter note: a multiple of 96, 120, 384, 480 and 960, so that files with these are written exactly
SLOWEST, FASTEST = 60e6 / 0xFFFFFF, 60e6  # quarters per minute: MIDI has three bytes of microseconds per quarter
LONGEST = 0x0FFFFFFF  # ticks: MIDI's largest delta time


def write_midi(score: Score, path: str | pathlib.Path) -> pathlib.Path:
    """Saves a MIDI file: one track per part, with its name and program, tempos, time and key signatures.

    The title, if there is one, is the name of a first track without notes, as is usual in MIDI files; it becomes no
    part when the file is read again. MIDI has no place for the composer, and only two modes: a key signature that is
    not minor is written as major, with the same sharps or flats.

    Percussion parts, and no others, are on channel 10. From the 16th pitched track on, parts share a channel, and
    players that assign instruments by channel play them with the same instrument.

    Args:
        score: at least one note; onsets and ends are rounded to 1/1920 of a quarter note, the minimum duration.
        path: the file to write (atomically); missing folders are created.

    Returns:
        The path.

    Raises:
        ValueError: if the score is empty or too long for MIDI, or a tempo is out of MIDI's range.
    """
    import symusic

    check_written(score, path, "write_midi")
    notes = rounded(score, TICKS)
    if notes["end"].max() > LONGEST:
        raise ValueError(f"write_midi: {score.end:g} quarter lengths are too long for MIDI; use score.slice for a part")
    midi = symusic.Score(TICKS)
    for onset, tempo in score.tempos:
        if not SLOWEST <= tempo <= FASTEST:
            raise ValueError(
                f"write_midi: MIDI tempos range from 3.58 to 60000000 quarter notes per minute, got {tempo:g};"
                " change score.tempos"
            )
        midi.tempos.append(symusic.Tempo(round(onset * TICKS), mspq=round(60e6 / tempo)))
    for onset, numerator, denominator in time_signatures(score):
        midi.time_signatures.append(symusic.TimeSignature(round(onset * TICKS), numerator, denominator))
    for onset, fifths, mode in score.key_signatures:
        midi.key_signatures.append(symusic.KeySignature(round(onset * TICKS), fifths, int(mode == "minor")))
    if score.title:
        midi.tracks.append(symusic.Track(score.title, 0, False))
    for index, (name, program) in enumerate(zip(score.part_names, score.programs, strict=True)):
        drums = program == DRUM_KIT
        track = symusic.Track(name, 0 if drums else program, drums)
        for _, pitch, start, end, velocity in notes[notes["part"] == index].tolist():
            track.notes.append(symusic.Note(start, end - start, pitch, velocity))
        midi.tracks.append(track)
    return _atomic.write(path, midi.dumps_midi())
