"""Results: what the page shows of a piece, and the files that it offers."""

from __future__ import annotations

import base64
import dataclasses
import html
import io
import pathlib
import re
import shutil
import tempfile
import threading
import weakref
from typing import Any

from matplotlib.figure import Figure

from musiclib import audio, plots, writers
from musiclib.score import Score, meter

_KEPT = 40  # results whose files are kept
_HEIGHT = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


@dataclasses.dataclass(frozen=True)
class Result:
    """A piece that was made.

    Args:
        score: the piece.
        code: the Python that makes the same in a notebook.
        run: name of the run that made it.
        given: the piece as music that an action takes, see ``actions.Given``.
        remarks: sentences for the reader.
        loop: whether it is to be heard in a circle.
    """

    score: Score
    code: str
    run: str
    given: Any
    remarks: tuple[str, ...] = ()
    loop: bool = False


class Shelf:
    """The folders of the last results; older ones are deleted."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="musiclib-studio-")
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)  # at the latest when the program ends
        self._kept, self._lock = [], threading.Lock()

    def new(self) -> pathlib.Path:
        """Returns a new folder."""
        with self._lock:
            self._kept.append(pathlib.Path(tempfile.mkdtemp(dir=self.folder)))
            for old in self._kept[:-_KEPT]:
                shutil.rmtree(old, ignore_errors=True)
            del self._kept[:-_KEPT]
            return self._kept[-1]


def bars(score: Score) -> int:
    """Returns the number of bars of a piece, without an upbeat; 0 where no time signature is known."""
    return len(meter.bar_lines(score.time_signatures, score.end)) - (meter.upbeat(score.time_signatures) > 0)


def summary(score: Score) -> str:
    """Returns the size of a piece in words."""
    parts = len(set(score.part.tolist()))
    counts = [(bars(score), "bar"), (parts, "part"), (len(score), "note")]
    words = [f"{count} {name}{'s' * (count > 1)}" for count, name in counts if count]
    minutes, seconds = divmod(int(score.seconds()[1].max()), 60)
    return " · ".join([*words, f"{minutes}:{seconds:02d} min"])


def sound(result: Result, folder: pathlib.Path) -> pathlib.Path:
    """Writes a piece as WAV."""
    samples = audio.synthesize_loop(result.score) if result.loop else result.score
    return audio.write_wav(samples, folder / "piece.wav")


def views(result: Result, folder: pathlib.Path) -> tuple[dict[str, str], list[str]]:
    """Draws a piece and writes its files.

    Returns:
        HTML of the views by name: ``player``, ``roll``, ``staff`` and ``numbers``; and the paths of the files.
    """
    score = result.score
    writers.write_midi(score, folder / "piece.mid")
    writers.write_musicxml(score, folder / "piece.musicxml")
    figure, drawn = Figure(figsize=(10, 3.6), layout="constrained"), io.StringIO()
    plots.piano_roll(score, figure.subplots())
    figure.savefig(drawn, format="svg")
    (folder / "piano-roll.svg").write_text(drawn.getvalue(), encoding="utf-8")
    shown = {"roll": _picture([drawn.getvalue()], "Piano roll")}
    try:
        staff = plots.staff(score, color="parts" if len(score.part_names) > 1 else None)
        staff.save(folder / "staff.svg")
        shown |= {"staff": _picture(staff.pages, "Staff notation"), "player": _player(score, staff)}
    except ValueError as error:  # too long
        shown |= dict.fromkeys(("staff", "player"), f"<p>{html.escape(str(error))}</p>")
    try:
        numbers = plots.jianpu(score)
        numbers.save(folder / "numbers.svg")
        shown["numbers"] = _picture([numbers.svg], "Numbered notation")
    except ValueError as error:  # too many octaves
        shown["numbers"] = f"<p>{html.escape(str(error))}</p>"
    order = (".mid", ".musicxml", ".wav", ".svg")
    return shown, sorted(map(str, folder.iterdir()), key=lambda path: (order.index(pathlib.Path(path).suffix), path))


def _player(score: Score, staff: plots.Staff) -> str:
    """Returns the player in a frame as high as its notation needs."""
    page = html.escape(plots.follow(score, staff).page)
    width, height = map(float, _HEIGHT.search(staff.pages[0]).groups())
    high = int(min(max(250 + 600 * height / width, 330), 600))
    return f'<iframe title="Player" srcdoc="{page}" style="width:100%;height:{high}px;border:0"></iframe>'


def _picture(pages, name: str) -> str:
    """Returns SVGs as images: within the page, their ids would be those of other pictures."""
    data = (base64.b64encode(page.encode()).decode() for page in pages)
    images = "".join(f'<img alt="{name}" src="data:image/svg+xml;base64,{each}">' for each in data)
    return f'<div class="picture" tabindex="0" aria-label="{name}">{images}</div>'
