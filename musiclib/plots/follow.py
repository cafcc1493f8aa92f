"""Follow: a page that plays a score and moves along, in its notation and its piano roll."""

from __future__ import annotations

import base64
import dataclasses
import html
import io
import json
import math
import pathlib
import re

import numpy as np

from musiclib import _atomic
from musiclib.audio import synthesize
from musiclib.audio.wav import write_samples
from musiclib.plots.numbered_notation.sheet import Jianpu
from musiclib.plots.palette import PALETTE
from musiclib.plots.piano_rolls import FAINTEST
from musiclib.plots.staff_notation.engraving import Staff, staff
from musiclib.score import Score, meter, pitch_name
from musiclib.score.checking import check_score
from musiclib.writers.notation import GRID

SAMPLE_RATE = 22050
LONGEST = 10 * 60  # seconds: 35 MB of page
SCALE = 60  # pixels per second of the piano roll
ROLL_HEIGHT = 170  # pixels
LABELS = 30  # pixels, for the names of the octaves
_NOTE = re.compile(r'\bid="(?:note|jianpu)-(\d+)')


@dataclasses.dataclass(frozen=True, repr=False)
class Player:
    """A page that plays a score; a notebook shows it, and ``gradio.HTML(player._repr_html_())`` does.

    Args:
        page: the HTML document, which needs no other file and no internet.
        title: of the page.
    """

    page: str
    title: str

    def _repr_html_(self) -> str:
        title, page = html.escape(self.title), html.escape(self.page)
        return f'<iframe title="{title}" srcdoc="{page}" style="width:100%;height:600px;border:0"></iframe>'

    def save(self, path: str | pathlib.Path) -> pathlib.Path:
        """Saves the page as ``.html``, by an atomic write; raises ValueError at another suffix."""
        if pathlib.Path(path).suffix.lower() != ".html":
            raise ValueError(f"a player is saved as .html, got {str(path)!r}; choose that suffix")
        return _atomic.write(path, self.page.encode())


def follow(score: Score, notation: Staff | Jianpu | None = None) -> Player:
    """Returns a player in which the notation and the piano roll move along with the sound.

    The notes that sound are highlighted, and a cursor moves over both. A click on a note or a place jumps there; the
    space bar plays and pauses, the arrow keys jump by two seconds.

    Args:
        score: at least one note, at most 10 minutes; 3.5 MB of page per minute. Percussion is heard, and not drawn.
        notation: of this score, from ``staff`` or ``jianpu``, for example with colours; None is ``staff(score)``.

    Raises:
        ValueError: if the score is empty or too long, or the notation is of another score.
    """
    check_score(score, "follow")
    length = float(score.seconds()[1].max()) if len(score) else 0.0
    if length > LONGEST:
        raise ValueError(
            f"follow: the score lasts {length / 60:.1f} minutes, more than the {LONGEST // 60} that fit into a page;"
            " take a part of it, as in score.slice(0, 400)"
        )
    sound, end = _wav(score)
    notation = staff(score) if notation is None else notation
    score = score.pitched()
    pages = notation.pages if isinstance(notation, Staff) else (notation.svg,)
    written = {int(number) for page in pages for number in _NOTE.findall(page)}
    # Of notes that are equal on the grid of notation, one is written.
    distinct = len(np.unique([np.rint(score.onset * GRID), score.pitch, score.part], axis=1)[0])
    if not distinct <= len(written) <= len(score) or max(written) >= len(score):
        raise ValueError(
            f"follow: the notation has {len(written)} notes and the score {len(score)}; give the notation of this score"
        )
    starts, ends = (np.round(times, 4).tolist() for times in score.seconds())
    fields = {
        "title": html.escape(score.title or "Score"),
        "staff": "".join(pages),
        "roll": _roll(score, end),
        "audio": "data:audio/wav;base64," + base64.b64encode(sound).decode(),
        "data": json.dumps({"starts": starts, "ends": ends, "scale": SCALE, "end": end}),
        "end": str(end),
    }
    template = pathlib.Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
    return Player(re.sub(r"{{(\w+)}}", lambda field: fields[field[1]], template), score.title or "Score")


def _wav(score: Score) -> tuple[bytes, float]:
    """Returns a score as a mono WAV file, and its length in seconds."""
    audio, file = synthesize(score, SAMPLE_RATE).mean(axis=1, keepdims=True), io.BytesIO()
    write_samples(audio, file, SAMPLE_RATE)
    return file.getvalue(), round(len(audio) / SAMPLE_RATE, 3)


def _roll(score: Score, end: float) -> str:
    """Returns a piano roll as two SVGs: the names of the octaves, and notes, octave lines and bar lines."""
    low, high = int(score.pitch.min()) - 2, int(score.pitch.max()) + 2
    row = ROLL_HEIGHT / (high - low + 1)
    octaves = [(pitch, f"{(high - pitch + 1) * row:.1f}") for pitch in range(low, high + 1) if pitch % 12 == 0]
    width = math.ceil(end * SCALE)
    names = "".join(f'<text x="3" y="{y}">{pitch_name(pitch)}</text>' for pitch, y in octaves)
    lines = "".join(f'<path stroke="#ddd" d="M0 {y}H{width}"/>' for _, y in octaves)
    for at in score.seconds_at(meter.bar_lines(score.time_signatures, score.end)) * SCALE:
        lines += f'<path stroke="#bbb" d="M{at:.1f} 0V{ROLL_HEIGHT}"/>'
    columns = (*score.seconds(), score.pitch, score.velocity, score.part)
    notes = "".join(
        f'<rect id="roll-{i}" x="{start * SCALE:.1f}" y="{(high - pitch) * row:.1f}" height="{row:.1f}"'
        f' width="{max((stop - start) * SCALE, 1):.1f}" rx="1" stroke="#fff" stroke-width=".5"'
        f' fill="{PALETTE[part % len(PALETTE)]}" fill-opacity="{FAINTEST + (1 - FAINTEST) * velocity / 127:.2f}"/>'
        for i, (start, stop, pitch, velocity, part) in enumerate(zip(*columns, strict=True))
    )
    size = f'xmlns="http://www.w3.org/2000/svg" height="{ROLL_HEIGHT}"'
    return f'<svg {size} width="{LABELS}">{names}</svg><svg {size} width="{width}">{lines}{notes}</svg>'
