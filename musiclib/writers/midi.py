"""MIDI: one track for each part, exact to 1/1920 of a quarter."""

from __future__ import annotations

import pathlib

from musiclib import _atomic
from musiclib.score import Score
from musiclib.writers.rounding import rounded, time_signatures

TICKS = 1920  # a quarter: a multiple of 96, 120, 384, 480 and 960, so what was read from such files comes out exact
SLOWEST, FASTEST = 60e6 / 0xFFFFFF, 60e6  # quarters a minute: MIDI has three bytes for the microseconds of a quarter
LONGEST = 0x0FFFFFFF  # ticks: the most that MIDI can say between two events


def write_midi(score: Score, path: str | pathlib.Path) -> pathlib.Path:
    """Writes a MIDI file: one track a part, with its name and program, and the tempo map.

    No part is on channel 10, the drums'. There are 15 others: from the 16th part on, parts share a channel, and a
    player that goes by channels gives those the same instrument.

    Args:
        score: at least one note; onsets and ends are rounded to 1/1920 of a quarter, and no note is shorter.
        path: where to; missing folders are made, and a file that is there is replaced once all is written.

    Returns:
        The path.

    Raises:
        ValueError: at an empty score, one too long for MIDI, or a tempo that MIDI cannot hold.
    """
    import symusic

    notes = rounded(score, TICKS)
    if notes["end"].max() > LONGEST:
        raise ValueError(f"write_midi: {score.end:g} quarter lengths are too long for MIDI; use score.slice for a part")
    midi = symusic.Score(TICKS)
    for onset, tempo in score.tempos:
        if not SLOWEST <= tempo <= FASTEST:
            raise ValueError(
                f"write_midi: MIDI holds tempos from 3.58 to 60000000 quarter notes a minute, got {tempo:g};"
                " change score.tempos"
            )
        midi.tempos.append(symusic.Tempo(round(onset * TICKS), mspq=round(60e6 / tempo)))
    for onset, numerator, denominator in time_signatures(score):
        midi.time_signatures.append(symusic.TimeSignature(round(onset * TICKS), numerator, denominator))
    for index, (name, program) in enumerate(zip(score.part_names, score.programs, strict=True)):
        track = symusic.Track(name, program, False)
        for _, pitch, start, end, velocity in notes[notes["part"] == index].tolist():
            track.notes.append(symusic.Note(start, end - start, pitch, velocity))
        midi.tracks.append(track)
    return _atomic.write(path, midi.dumps_midi())
