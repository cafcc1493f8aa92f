"""What the tests of the notation readers share: notes as rows, the reading cases, and how a bad file is refused."""

import json
import pathlib

import pytest

from musiclib import readers

SHARED = pathlib.Path(__file__).parents[1].parent / "shared" / "data"
CASES = SHARED / "reading_cases"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data, which is not in the repository")


def notes(score):
    """The notes as rows (onset, duration, pitch), sorted, times rounded to a thousandth."""
    columns = score.onset.round(3).tolist(), score.duration.round(3).tolist(), score.pitch.tolist()
    return sorted(zip(*columns))


def right_notes(path):
    """The right notes of a reading case, in the same form; text where a sentence says it."""
    found = json.loads((CASES / "expected.json").read_text())[path.name]["right"]
    return found if isinstance(found, str) else sorted((round(a, 3), round(b, 3), c) for a, b, c in found)


def check_refused(path, content, message):
    """A bad file gives one sentence with its name."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(readers.UnreadableScore, match=message) as caught:
        readers.read_score(path)
    assert path.name in str(caught.value) and "\n" not in str(caught.value)
