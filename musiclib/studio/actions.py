"""Actions: what each tab of the page does, in the calls of a notebook."""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
import threading
import warnings

from musiclib import readers
from musiclib.score import Score, meter
from musiclib.studio.notebook import Notebook
from musiclib.studio.results import Result

# Melodies in the public domain, and the beginning of a chorale that the shipped runs were not trained on.
EXAMPLES: dict[str, str] = json.loads(pathlib.Path(__file__).with_name("examples.json").read_text("utf-8"))
_STEPS = 11  # of the way from one phrase to another
_MARKS = {"time_signatures": ((0, 4, 4),), "tempos": ((0, 92),)}  # of what is clicked into the grid
_one_at_a_time = threading.Lock()  # of the network, which takes all cores; and of the warnings that are caught


@dataclasses.dataclass(frozen=True, eq=False)  # Gradio hashes what a session holds
class Given:
    """Music that a user gives: the score, and the Python that makes it, with a place for its name, and its rooms."""

    score: Score
    line: str
    rooms: tuple[str, ...] = ("readers",)


def example(name: str) -> Given:
    """Returns an example by its name."""
    if name not in EXAMPLES:
        raise ValueError(f"there is no example {name!r}; choose one of {', '.join(EXAMPLES)}")
    lines = "".join(f"\n    {line!r}" for line in EXAMPLES[name].splitlines(keepends=True))
    return Given(readers.read_jianpu(EXAMPLES[name]), f"{{}} = readers.read_jianpu({lines}\n)")


def uploaded(score: Score, suffix: str) -> Given:
    """Returns uploaded music; in a notebook the file is read by a neutral name."""
    return Given(score, f'{{}} = readers.read_scores("upload{suffix}")[0]  # the file that you uploaded')


def compose(model, key, bars, tempo, instrument, cadence, loop, temperature, top_p, seed) -> Result:
    """Composes a piece; the arguments are those of ``sampling.generate``."""
    if cadence and not key:
        raise ValueError("an ending on the tonic needs a key: choose one, or untick “End on the tonic”")
    wishes = {"key": key or None, "instrument": instrument, "cadence": cadence or None, "loop": loop or None}
    wishes |= {"bars": _whole("bars", bars), "tempo": tempo, "temperature": temperature, "top_p": top_p}
    book = Notebook()
    return _made(book, model, "sampling.generate", book.run(model), count=1, seed=_whole("seed", seed), **wishes)


def go_on(given: Given, model, bars, temperature, seed) -> Result:
    """Continues music by some bars."""
    book = Notebook()
    tune, marks = _given(book, "tune", given), given.score.time_signatures
    begun = math.ceil((tune.end - meter.upbeat(marks)) / meter.bar_length(marks))
    options = {"primer": tune, "bars": begun + _whole("bars", bars), "seed": _whole("seed", seed)}
    return _made(
        book, model, "sampling.generate", book.run(model), count=1, temperature=temperature, top_p=0.95, **options
    )


def infill(given: Given, start, end, parts, seed) -> Result:
    """Composes bars of a piece anew: all of its voices, or some."""
    book, model = Notebook(), "chorale_infill" if len(given.score.part_names) == 4 else "tune_infill"
    tune, bars = _given(book, "tune", given), (_whole("from bar", start), _whole("to bar", end))
    options = {"parts": list(parts) or None, "seed": _whole("seed", seed)}
    return _made(book, model, "sampling.infill", book.run(model), tune, *bars, **options)


def harmonize(given: Given | str, temperature, seed) -> Result:
    """Adds three voices below a melody: given music, or the notes of the grid."""
    book, model = Notebook(), "bach_harmonizer"
    melody = _grid(book, given) if isinstance(given, str) else _given(book, "melody", given)
    options = {"temperature": temperature, "seed": _whole("seed", seed)}
    return _made(book, model, "sampling.harmonize", book.run(model), melody, **options)


def restyle(given: Given, to, words, strength, seed) -> Result:
    """Brings a piece into a style, or into what a line of text describes."""
    book, model = Notebook(), "folk_styles"
    tune, run = _given(book, "tune", given), book.run(model)
    to = book.call("wish", "style.describe", run, words.strip()) if words and words.strip() else to
    options = {"to": to, "strength": strength, "seed": _whole("seed", seed)}
    return _made(book, model, "style.transfer", run, tune, pick=None, **options)


def morph(one: Given, other: Given, place) -> Result:
    """Makes the phrase at a place between the first phrases of two pieces, from 0 to 1."""
    book, model = Notebook(), "tunes_vae"
    run = book.run(model)
    phrases = [_phrase(book, run, name, given) for name, given in (("first", one), ("second", other))]
    vectors = book.call("vectors", "sampling.latent.interpolate", run, *phrases, steps=_STEPS)
    return _made(book, model, "sampling.latent.decode", run, vectors, pick=round(place * (_STEPS - 1)))


def _made(book: Notebook, model: str, function: str, *arguments, pick: int | None = 0, **options) -> Result:
    """Calls the function that makes the piece, and keeps what it warns of."""
    with _one_at_a_time, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        piece = book.call("piece", function, *arguments, pick=pick, **options)
    if not len(piece):
        raise ValueError("the model wrote no note this time; try another number, or more boldness")
    remarks = dict.fromkeys(str(each.message) for each in caught if each.category is UserWarning)
    costs = ", ".join(f"{wish} {cost:.1f}" for wish, cost in getattr(book.made, "costs", [{}])[0].items())
    remarks |= (
        {f"against the model's own inclination, in nats (0: it would have done so anyway): {costs}": None}
        if costs
        else {}
    )
    given = Given(piece, book.lines.replace("{", "{{").replace("}", "}}") + "\n{} = piece", book.rooms)
    return Result(piece, book.text("piece"), model, given, tuple(remarks), bool(options.get("loop")))


def _given(book: Notebook, name: str, given: Given) -> Score:
    return book.set(name, given.score, given.line.format(name), *given.rooms)


def _phrase(book: Notebook, run, name: str, given: Given) -> Score:
    """Returns the first phrase of a piece."""
    score = _given(book, name, given)
    passages = run.encoding.passages(score)
    if not passages:
        raise ValueError("a phrase needs a bar after its upbeat; choose longer music")
    return book.call(name, f"{name}.slice", *passages[0][1:])


def _grid(book: Notebook, text: str) -> Score:
    """Returns the melody of the grid: JSON rows of column, columns and pitch; a column is an eighth note."""
    try:
        rows = [(column / 2, length / 2, pitch) for column, length, pitch in json.loads(text or "[]")]
    except (ValueError, TypeError) as error:
        raise ValueError("the grid needs rows of column, length and pitch; click the notes anew") from error
    if not rows:
        raise ValueError("the melody has no notes; click some into the grid")
    return book.call("melody", "score.Score.from_notes", rows, **_MARKS)


def _whole(name: str, value) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    return int(value)
