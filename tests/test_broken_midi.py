"""What the web holds: damaged, odd and extreme MIDI files give a score or one clear error, soon and in little memory."""

import os
import pathlib
import resource
import time
import warnings

import numpy as np
import pytest

from musiclib import corpus, readers
from musiclib.readers.parsed import LONGEST_HOURS, LostNotes

FOLDER = pathlib.Path(__file__).parents[2] / "shared" / "data" / "broken_midi"
PATHS = sorted(path for path in FOLDER.glob("*") if path.suffix != ".tsv")
pytestmark = [
    pytest.mark.skipif(not PATHS, reason="needs ../shared/data/broken_midi, which is not in the repository"),
    pytest.mark.filterwarnings("ignore::musiclib.readers.LostNotes"),
]


def check(score):
    """Raises where a score is not music that could have been meant."""
    start, end = score.seconds()
    assert len(score) and np.isfinite(end).all() and (start >= 0).all() and (end > start).all()
    assert (score.duration > 0).all() and end.max() <= LONGEST_HOURS * 3600
    assert ((score.pitch >= 0) & (score.pitch <= 127) & (score.velocity >= 0) & (score.velocity <= 127)).all()


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("reader", readers.READERS)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_score_or_one_clear_error(path, reader):
    began, held = time.monotonic(), peak_mb()
    try:
        check(readers.read_score(path, reader=reader))
    except readers.UnreadableScore as error:
        message = str(error)
        assert path.name in message and "\n" not in message and len(message) < 400
    assert time.monotonic() - began < 10 and peak_mb() - held < 500


@pytest.mark.parametrize("reader", readers.READERS)
def test_the_folder_is_a_corpus(reader, tmp_path, monkeypatch):
    """What can be read comes back, and the rest is named with its reason."""
    monkeypatch.setenv("MUSICLIB_HOME", str(tmp_path))
    began = time.monotonic()
    with pytest.warns(LostNotes, match=r"notes were left out of \d+ of"):
        music = corpus.load(FOLDER, reader=reader, progress=False)
    assert time.monotonic() - began < 60
    assert len(music) + len(music.skipped) == len([path for path in PATHS if path.suffix in (".mid", ".midi")])
    assert len(music) >= 25 and all(os.path.basename(path) in reason for path, reason in music.skipped)
    for score in music.scores:
        check(score)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the second time, from the cache, everything was said
        again = corpus.load(FOLDER, reader=reader, progress=False)
    assert again.scores == music.scores and again.skipped == music.skipped


def test_the_readers_agree_on_what_both_can_read():
    for path in PATHS:
        scores = []
        for reader in readers.READERS:
            try:
                scores.append(readers.read_score(path, reader=reader))
            except readers.UnreadableScore:
                break
        if len(scores) == 2:
            first, second = (score.replace(programs=(), part_names=(), tempos=()) for score in scores)
            assert first == second, path.name  # a tempo of two bytes counts for one of them alone
