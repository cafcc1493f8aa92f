"""Jianpu drawing: the signs of numbered notation as SVG, in plain elements and fonts that every system has.

The voices of a system stand below each other, with all that begins together in one column. Each voice has its own bar
lines; a bracket joins the voices. A voice that rests for a system is left out, unless it is the first of its part.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterator, Sequence

from musiclib.plots.numbered_notation.columns import HALF, SYLLABLE, columns_of, systems_of, text_width
from musiclib.plots.numbered_notation.signs import Line, Sheet, Sign, beat_of
from musiclib.score import Score, keys
from musiclib.writers.notation import GRID, Bar

WIDTH, MARGIN = 800, 30  # of the page, in pixels, as all that follows
SIZE, TOP = 20, 15  # of a digit: its font size and height
DOT, UNDERLINE = 4.5, 3.5  # from one octave dot to the next, and from one underline to the next
DEPTH = 5  # of a bar line below the digits
TEMPO_CHANGE = 1.1  # smaller changes of tempo are not drawn
START, END = 'text-anchor="start"', 'text-anchor="end"'
FONTS = "Arial, Helvetica, 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', SimHei, 'DejaVu Sans', sans-serif"


def draw(page: Sheet, score: Score, lyrics: Sequence[str] = ()) -> str:
    """Returns the SVG of a sheet, with the title and composer of its score.

    Raises:
        ValueError: if there are more syllables than notes in the first voice.
    """
    words = _words(page, lyrics)
    names = score.part_names if len(score.part_names) > 1 else ()
    label = min(max((text_width(name, 13) + 12 for name in names), default=0), WIDTH / 4)
    columns = [columns_of(page, bar, words) for bar in range(len(page.bars))]
    widths = [places[-1] + (0 if bar else label) for bar, places in enumerate(columns)]
    width = max(WIDTH, *(needed + 2 * MARGIN for needed in widths))
    body, y = _heading(page, score, width)
    room = width - 2 * MARGIN
    starts, filled = systems_of(widths, room)
    for first, last in itertools.pairwise([*starts, len(columns)]):
        left = MARGIN + (0 if first else label)
        stretch = (width - MARGIN - left) / sum(places[-1] for places in columns[first:last])
        if last == len(columns):
            stretch = min(stretch, 1.2 * room / filled)
        system = _System(page, range(first, last), words, left)
        for places in columns[first:last]:
            system.add(places, stretch)
        drawn, y = system.draw(y, () if first else names)
        body += drawn
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{y:.0f}"'
        f' viewBox="0 0 {width:.0f} {y:.0f}" font-family="{FONTS}" font-size="{SIZE}" text-anchor="middle">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(body)}</svg>'
    )


def _words(page: Sheet, lyrics: Sequence[str]) -> dict[int, str]:
    """Returns the syllables by the steps of the notes of the first voice."""
    signs = itertools.chain.from_iterable(page.lines[0].bars)
    starts = [sign.start for sign in signs if any(not pitch.earlier for pitch in sign.pitches)]
    if len(lyrics) > len(starts):
        raise ValueError(
            f"jianpu: the lyrics have {len(lyrics)} syllables, and the first voice has {len(starts)} notes; leave some"
            " out, or write two on a note as one word"
        )
    return {start: word for start, word in zip(starts, lyrics, strict=False) if word != "_"}


class _System:
    """Bars side by side: the places of their steps and bar lines, and the voices that are drawn."""

    def __init__(self, page: Sheet, bars: range, words: dict[int, str], left: float) -> None:
        self.page, self.bars, self.words = page, bars, words
        self.x: dict[int, float] = {}
        self.edges = [left]
        self.lines = [line for line in page.lines if line.leads or any(sign.pitches for sign in self._signs(line))]

    def add(self, places: dict[int, float], stretch: float) -> None:
        """Places the next bar."""
        self.x |= {step: self.edges[-1] + place * stretch for step, place in places.items()}
        self.edges.append(self.x.pop(-1))

    def _signs(self, line: Line) -> list[Sign]:
        return [sign for bar in self.bars for sign in line.bars[bar]]

    def draw(self, y: float, names: Sequence[str]) -> tuple[list[str], float]:
        """Returns the elements of the system below a height, and the height at which it ends."""
        body, baselines, changes = [], [], self._changes()
        if changes:
            y += 20
            body += [_label(self.x[step] - HALF, y - 6, change, 14, START) for step, change in changes.items()]
        for line in self.lines:
            signs = self._signs(line)
            over = max(_top(sign) for sign in signs) + 15 * any(sign.triplet for sign in signs)
            over += 9 * any(pitch.tied or pitch.earlier for sign in signs for pitch in sign.pitches)
            baselines.append(y + max(over, TOP + DEPTH))
            y = baselines[-1] + max(DEPTH + 5, *(_bottom(sign) + 4 for sign in signs))
            body += self._row(line, baselines[-1])
            if line is self.page.lines[0] and (steps := self.words.keys() & self.x.keys()):
                y += 17
                body += [_label(self.x[step], y - 3, self.words[step], SYLLABLE) for step in sorted(steps)]
            if names and line.leads:
                body.append(_label(self.edges[0] - 12, baselines[-1] - 3, names[line.part], 13, END))
            y += 8
        if len(self.lines) > 1:
            top, bottom = baselines[0] - TOP - DEPTH, baselines[-1] + DEPTH + 3
            body.append(_path(f"M{self.edges[0]:.1f} {top:.1f}h-5V{bottom:.1f}h5", 2))
        return body, y + 16

    def _changes(self) -> dict[int, str]:
        """Returns the keys and tempos that change within the system, by step."""
        found = {step: _key(fifths) for step, (fifths, _) in self.page.keys.items()}
        drawn = self.page.tempos[0]
        for step, tempo in sorted(self.page.tempos.items()):
            if step < self.page.bars[-1].end and max(tempo / drawn, drawn / tempo) >= TEMPO_CHANGE:
                bar = next(bar for bar in self.page.bars if bar.end > step)
                found[step], drawn = f"{found.get(step, '')} {_tempo(tempo, bar)}".strip(), tempo
        return {step: change for step, change in found.items() if step and step in self.x}

    def _row(self, line: Line, y: float) -> Iterator[str]:
        """Yields what is drawn of a voice, with its baseline at y."""
        for sign in self._signs(line):
            yield from _digits(sign, self.x[sign.start], y)
            for step in sign.dash_starts:
                yield _path(f"M{self.x[step] - HALF:.1f} {y - TOP / 2 + 1:.1f}h{2 * HALF}", 1.5)
        yield from self._ties(self._signs(line), y)
        for bar, (start, end) in zip(self.bars, itertools.pairwise(self.edges), strict=True):
            yield from self._underlines(line.bars[bar], y)
            yield from self._triplets(line.bars[bar], y)
            if bar and self.page.bars[bar].signature:
                yield _fraction(start + 16, y - 1, self.page.bars[bar].signature)
            last = bar == len(self.page.bars) - 1
            for x, thickness in ((end - 5, 1.2), (end, 3)) if last else ((end, 1.2),):
                yield _path(f"M{x:.1f} {y - TOP - DEPTH + 2:.1f}V{y + DEPTH:.1f}", thickness)

    def _underlines(self, signs: list[Sign], y: float) -> Iterator[str]:
        """Yields the underlines, joined over the signs of a beat that have as many."""
        for level in range(1, 1 + max(sign.underlines for sign in signs)):
            runs: list[list[Sign]] = []
            for before, sign in zip([None, *signs], signs, strict=False):
                if sign.underlines >= level:
                    joined = before and before.underlines >= level and before.beat == sign.beat
                    runs = [*runs[:-1], [*runs[-1], sign]] if joined else [*runs, [sign]]
            for run in runs:
                begin, end = self.x[run[0].start] - HALF, self.x[run[-1].start] + HALF
                yield _path(f"M{begin:.1f} {y + UNDERLINE * level:.1f}H{end:.1f}", 1.2)

    def _triplets(self, signs: list[Sign], y: float) -> Iterator[str]:
        group: list[Sign] = []
        for sign in signs:
            group += [sign] if sign.triplet else []
            if sign.triplet == "stop":
                tied = any(pitch.tied or pitch.earlier for member in group for pitch in member.pitches)
                height = y - max(map(_top, group)) - 10 - 6 * tied
                begin, end = self.x[group[0].start] - HALF, self.x[sign.start] + HALF
                left, right = (begin + end) / 2 - 6, (begin + end) / 2 + 6
                yield _path(f"M{begin:.1f} {height + 4:.1f}v-4H{left:.1f}M{right:.1f} {height:.1f}H{end:.1f}v4", 1)
                yield _label((begin + end) / 2, height + 4, "3", 12, 'font-style="italic"')
                group = []

    def _ties(self, signs: list[Sign], y: float) -> Iterator[str]:
        """Yields an arc above each digit that is held; one that goes on in the next system ends at the bar line."""
        for sign, after in zip(signs, [*signs[1:], None], strict=True):
            for pitch, height in zip(sign.pitches, _baselines(sign), strict=False):
                x, over = self.x[sign.start], y - height - TOP - DOT * max(pitch.octave, 0) - 2
                if pitch.tied:
                    yield _arc(x + 2, self.x[after.start] - 2 if after else self.edges[-1] - 4, over)
                if pitch.earlier and sign is signs[0]:
                    yield _arc(self.edges[0] + 2, x - 2, over)


def _baselines(sign: Sign) -> list[float]:
    """Returns the height of each digit of a chord above the lowest."""
    heights = [0.0]
    for below, pitch in itertools.pairwise(sign.pitches):
        heights.append(heights[-1] + TOP + 3 + DOT * (max(below.octave, 0) + max(-pitch.octave, 0)))
    return heights


def _top(sign: Sign) -> float:
    """Returns the height of a sign above its baseline."""
    return _baselines(sign)[-1] + TOP + DOT * max(0, *(pitch.octave for pitch in sign.pitches[-1:]), 0)


def _bottom(sign: Sign) -> float:
    """Returns the depth of a sign below its baseline."""
    return 3 + UNDERLINE * sign.underlines + DOT * max(0, *(-pitch.octave for pitch in sign.pitches[:1]), 0)


def _digits(sign: Sign, x: float, y: float) -> Iterator[str]:
    """Yields a rest, or the digits of a note with their accidentals and dots, one element a note."""
    dots = f'<circle cx="{x + HALF + 5:.1f}" cy="{y - TOP / 2 + 1:.1f}" r="1.7"/>' * sign.dots
    if not sign.pitches:
        yield _label(x, y, "0") + dots
    for pitch, height in zip(sign.pitches, _baselines(sign), strict=False):
        foot = y - height
        parts = _label(x, foot, str(pitch.digit)) + dots
        parts += _label(x - HALF - 5, foot - 6, pitch.mark, 14) if pitch.mark else ""
        under = 0 if height else UNDERLINE * sign.underlines
        for number in range(1, abs(pitch.octave) + 1):
            middle = foot - TOP - DOT * number + 0.8 if pitch.octave > 0 else foot + under + DOT * number + 0.3
            parts += f'<circle cx="{x:.1f}" cy="{middle:.1f}" r="1.6"/>'
        for note in pitch.notes:
            parts = f'<g id="jianpu-{note}{f"-{pitch.earlier}" if pitch.earlier else ""}">{parts}</g>'
        yield parts


def _heading(page: Sheet, score: Score, width: float) -> tuple[list[str], float]:
    """Returns the title, composer, key, metre and tempo, and the height at which they end."""
    body, y = [], 24.0
    if score.title.strip():
        size = min(24, (width - 2 * MARGIN) / text_width(score.title, 1))
        body, y = [_label(width / 2, y + 14, score.title, size, 'font-weight="bold"')], y + 32
    if score.composer.strip():
        size = min(14, (width - 300) / text_width(score.composer, 1))
        body.append(_label(width - MARGIN, y + 16, score.composer, size, END))
    key = _key(page.keys[0][0])
    x = MARGIN + text_width(key, 17) + 28
    body += [_label(MARGIN, y + 18, key, 17, START), _fraction(x, y + 18, page.bars[0].signature)]
    body.append(_label(x + 22, y + 18, _tempo(page.tempos[0], page.bars[0]), 15, START))
    return body, y + 42


def _key(fifths: int) -> str:
    letter, alter = keys.note_name(fifths)
    return f"1={('', '♯', '♭')[alter]}{letter}"


def _tempo(rate: float, bar: Bar) -> str:
    return f"♩={rate:.0f}" if beat_of(bar) == GRID else f"♩.={rate * GRID / beat_of(bar):.0f}"


def _fraction(x: float, y: float, signature: str) -> str:
    upper, lower = signature.split("/")
    return _label(x, y - 8, upper, 15) + _path(f"M{x - 8:.1f} {y - 5.5:.1f}h16", 1.2) + _label(x, y + 8, lower, 15)


def _arc(begin: float, end: float, y: float) -> str:
    return _path(f"M{begin:.1f} {y:.1f}C{begin + 4:.1f} {y - 8:.1f} {end - 4:.1f} {y - 8:.1f} {end:.1f} {y:.1f}", 1.2)


def _path(data: str, thickness: float) -> str:
    return f'<path d="{data}" fill="none" stroke="black" stroke-width="{thickness}"/>'


def _label(x: float, y: float, content: str, size: float = SIZE, more: str = "") -> str:
    """Returns text with its baseline at y, centred at x unless ``more`` attributes say otherwise."""
    plain = html.escape("".join(character for character in content if character.isprintable()))
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:.4g}" {more}>{plain}</text>'
