"""The report of an evaluation: one table, one figure, and files of both."""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib

import numpy as np

from musiclib import _atomic, plots
from musiclib.evaluation.distances import Likeness, mean_of_finite
from musiclib.evaluation.originality import Passage
from musiclib.evaluation.plain_table import plain_table
from musiclib.score import Score

LENGTHS = (4, 8, 16)  # notes in the passages that are looked up in training
_MEANINGS = "What each row says: card.to_markdown()."
# Each statistic: its name in plain words, number format, term and unit, and meaning.
_ROWS = {
    "pitch_class_entropy": ("variety of pitches", "{:.2f}", "pitch-class entropy, bits",
        "How evenly a piece uses the twelve notes of the octave: 0 is one note all the time, 3.58 all alike."),
    "scale_consistency": ("notes within one scale", "{:.0%}", "scale consistency",
        "The share of the notes that fit the best-fitting major or minor scale: low is out of key."),
    "pitch_range": ("range", "{:.1f}", "pitch range, semitones",
        "How far it is from the lowest note to the highest; an octave is 12."),
    "groove_consistency": ("rhythm repeats from bar to bar", "{:.0%}", "groove consistency",
        "How alike the rhythms of a bar and the next are: 100% is the same; most moments are empty, so all are high."),
    "note_density": ("notes a beat", "{:.2f}", "note density, notes per quarter note",
        "How many notes begin in a quarter note: how busy the music is."),
    "mean_duration": ("length of a note", "{:.2f}", "mean duration, quarter notes",
        "How long a note lasts on average, in quarter notes."),
    "duration_variety": ("variety of lengths", "{:.2f}", "entropy of durations, bits",
        "How evenly it uses different lengths of notes: 0 is one length all the time."),
    "polyphony": ("notes at a time", "{:.2f}", "polyphony, pitches sounding",
        "How many notes sound together, while any sounds."),
}  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Column:
    """The measurements of real music, the n-gram baseline or one run.

    Args:
        name: the column's title.
        kind: ``"real"``, ``"n-gram"`` or ``"run"``.
        tokens: name of its tokens; nats per token are comparable only where it is the same.
        nats_per_token: on held-out music; None for real music, and where a run may have been trained on it.
        statistics: of each statistic, one value per piece.
        likeness: to real music, of each statistic.
        chance: standard error of the mean overlap.
        seen: by length, the share of passages of so many notes that occur in training.
        longest: each piece's longest passage that occurs in training.
        pieces: the music itself.
    """

    name: str
    kind: str
    tokens: str
    nats_per_token: float | None
    statistics: dict[str, np.ndarray]
    likeness: dict[str, Likeness]
    chance: float
    seen: dict[int, float]
    longest: list[Passage]
    pieces: list[Score]

    @property
    def longest_of_all(self) -> int:
        """The index of the piece with the longest passage; 0 where no piece has one."""
        return max(range(len(self.longest)), key=lambda i: self.longest[i].notes, default=0)

    @property
    def overlap(self) -> float:
        """The mean overlap of all statistics with real music, 0 to 1."""
        return mean_of_finite([likeness.overlap for likeness in self.likeness.values()])

    @property
    def divergence(self) -> float:
        """The mean Kullback-Leibler divergence of all statistics, in nats."""
        return mean_of_finite([likeness.divergence for likeness in self.likeness.values()])


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Card:
    """An evaluation as a table, which a notebook displays and ``print`` writes as text.

    Args:
        columns: real music first.
        about: how it was made (seed, temperature, pieces), for the record.
        notes: sentences below the table.
    """

    columns: tuple[Column, ...]
    about: dict
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        rows = [(name, cells) for name, cells, _ in self.rows()]
        return plain_table([column.name for column in self.columns], rows, [*self.notes, _MEANINGS])

    def rows(self) -> list[tuple[str, list[str], str]]:
        """Returns the rows of the table: name, one cell per column, and meaning."""
        rows = []
        for tokens in dict.fromkeys(column.tokens for column in self.columns):
            cells = [_written(c.nats_per_token if c.tokens == tokens else None, "{:.2f}") for c in self.columns]
            meaning = "Cross-entropy on held-out real music, in nats per token: lower is better."
            rows.append((f"surprise, {tokens} tokens", cells, meaning))
        rows += [
            ("overlap with real music",
             [_written(c.overlap, "{:.1%}") + _written(c.chance, " ± {:.1%}", missing="") for c in self.columns],
             "Mean overlap with real pieces in the statistics below: 100% is no difference. After ± its standard error:"
             " smaller differences are not significant."),
            ("distance from real music", [_written(c.divergence, "{:.2f}") for c in self.columns],
             "The same as a distance (Kullback-Leibler divergence, nats): 0 is no difference."),
        ]  # fmt: skip
        for name, (label, form, term, meaning) in _ROWS.items():
            cells = [
                f"{_written(mean_of_finite(c.statistics[name]), form)} ({_written(c.likeness[name].overlap, '{:.0%}')})"
                for c in self.columns
            ]
            rows.append((label, cells, f"{meaning} ({term})"))
        for length in LENGTHS:
            meaning = f"The share of passages of {length} notes that occur, in some key, in a training piece."
            rows.append((f"{length} notes known", [_written(c.seen[length], "{:.1%}") for c in self.columns], meaning))
        meaning = "The longest passage that a piece shares with a training piece: the median of all pieces."
        rows.append(("longest quotation, usually", [_typical(c.longest) for c in self.columns], meaning))
        meaning = "The longest passage that any of the pieces has note for note from a training piece."
        rows.append(("longest quotation of all", [_longest(c) for c in self.columns], meaning))
        return rows

    def to_markdown(self) -> str:
        """Returns the table and its notes as Markdown."""
        lines = [["", *(column.name for column in self.columns), "what it says"], ["---"] * (len(self.columns) + 2)]
        lines += [[f"**{name}**", *cells, meaning] for name, cells, meaning in self.rows()]
        table = "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
        return table + "\n\n" + "\n".join(f"- {note}" for note in self.notes) + "\n"

    def _repr_markdown_(self) -> str:
        return self.to_markdown()

    def to_dict(self) -> dict:
        """Returns all measurements, with the values of every piece, ready for JSON."""
        columns = []
        for c in self.columns:
            columns.append(
                {
                    "name": c.name,
                    "kind": c.kind,
                    "tokens": c.tokens,
                    "nats_per_token": c.nats_per_token,
                    "overlap": c.overlap,
                    "chance": c.chance,
                    "divergence": c.divergence,
                    "statistics": {name: values.tolist() for name, values in c.statistics.items()},
                    "likeness": {name: dataclasses.asdict(likeness) for name, likeness in c.likeness.items()},
                    "seen": {str(length): share for length, share in c.seen.items()},
                    "longest": [dataclasses.asdict(passage) for passage in c.longest],
                }
            )
        return _without_nan({"about": self.about, "notes": list(self.notes), "columns": columns})

    def figure(self):
        """Returns a matplotlib figure of every statistic and the quotations, one dot per piece."""
        import matplotlib.pyplot as plt

        size = (14.0, 3 * (1.3 + 0.34 * len(self.columns)) + 0.8)
        figure, grid = plt.subplots(3, 3, figsize=size, layout="constrained", sharey=True)
        figure.get_layout_engine().set(hspace=0.06, wspace=0.03)
        axes = iter(grid.ravel())
        for name, (label, form, term, _) in _ROWS.items():
            values = {column.name: column.statistics[name] for column in self.columns}
            remarks = [_written(column.likeness[name].overlap, "{:.0%}") for column in self.columns]
            plots.spreads(values, next(axes), label, term, remarks, percent="%" in form)
        copied = {column.name: [passage.notes for passage in column.longest] for column in self.columns}
        plots.spreads(copied, next(axes), "longest quotation from training", "notes in a row, in any key")
        figure.suptitle(
            "Each dot is a piece, each stroke the median. Most real pieces lie in the grey band."
            "\nPercentages at the right are the overlap with real music.",
            fontsize=11.5,
        )
        return figure

    def save(self, folder: str | pathlib.Path) -> pathlib.Path:
        """Saves ``card.md``, ``card.json`` and ``card.png`` into a folder, all of them or none.

        Raises:
            OSError: where the folder cannot be written.
        """
        import matplotlib.pyplot as plt

        with _atomic.together(folder) as place:
            (place / "card.md").write_text(self.to_markdown() + "\n![](card.png)\n", encoding="utf-8")
            text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
            (place / "card.json").write_text(text + "\n", encoding="utf-8")
            figure = self.figure()
            figure.savefig(place / "card.png", dpi=110)
            plt.close(figure)
        return pathlib.Path(folder)


def _written(value: float | None, form: str, missing: str = "–") -> str:
    return form.format(value) if value is not None and math.isfinite(value) else missing


def _typical(passages: list[Passage]) -> str:
    if not passages:
        return "–"
    notes, bars = (np.median([getattr(passage, name) for passage in passages]) for name in ("notes", "bars"))
    return f"{notes:g} notes, {bars:.1f} bars"


def _longest(column: Column) -> str:
    longest = column.longest[column.longest_of_all] if column.longest else Passage()
    if not longest.notes:
        return "–"
    return f"{longest.notes} notes, {longest.bars:.1f} bars, from {longest.source}"


def _without_nan(value):
    """Turns nan, which JSON does not have, into null."""
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
