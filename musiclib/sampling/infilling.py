"""Infilling: some bars of a piece, or some of its voices there, are composed anew between what stays."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import numpy as np

from musiclib.encodings.chorale import HOLD, REST
from musiclib.encodings.vocabulary import END, PADDING, RESERVED, START, UNKNOWN
from musiclib.sampling import compiled_loop, copying
from musiclib.sampling.gaps import Gap, open_gap, step
from musiclib.sampling.primers import check_run
from musiclib.sampling.ranking import best
from musiclib.sampling.rules import Rules, check_whole, rules_of
from musiclib.score import Score
from musiclib.score.checking import check_score
from musiclib.score.instruments import DRUM_KIT
from musiclib.score.voices import STEPS_PER_QUARTER, between_steps

_PERIOD = 48  # steps: the networks count the metre, so that what they read begins at a multiple of this
_PAST = 64  # steps before the gap that are read note by note, and up to a period more; all that follows is read


def infill(
    run,
    score: Score,
    start: int,
    end: int,
    parts: Sequence[str | int] | str | int | None = None,
    count: int = 1,
    candidates: int = 8,
    seed: int | None = None,
    **rules,
) -> list[Score]:
    """Composes some bars of a piece anew, so that they continue what comes before and lead to what follows.

    Of the chosen parts, the notes that begin in these bars are replaced. One that is held into them is cut at the bar
    line or held on, and one that is held beyond them begins there again. All else stays as it is.

    Args:
        run: trained to fill in: ``models/chorale_infill`` for four voices, one in each part from the top, or
            ``models/tune_infill`` for one voice.
        score: the piece.
        start: number of the first bar, counted from 1 as in printed music; an upbeat is bar 0.
        end: number of the last bar, included.
        parts: names or indices of the parts that are composed; None for all.
        count: number of versions.
        candidates: of so many, generated as one batch, each version is the best by ``sampling.rank``.
        seed: makes the versions repeatable.
        **rules: sampling rules such as ``temperature``, except ``stop_at_end``; see ``sampling.Rules``.

    Returns:
        One Score per version.

    Raises:
        ValueError: where the run does not fill in, the piece has no such bar or part, or nothing of it would stay.
    """
    check_run(run)
    if not run.model.infills:
        raise ValueError(
            f"a {run.config.model.name} only continues what comes before; take models/chorale_infill for four voices,"
            " models/tune_infill for one voice, or a run of a chorale_infill or gru_infill of your own"
        )
    check_score(score, "infill")
    if not len(score):
        raise ValueError("infill needs a Score with notes, got one without notes")
    if "stop_at_end" in rules:
        raise ValueError("infill takes no stop_at_end: the bars determine the length")
    check_whole("count", count, 1)
    check_whole("candidates", candidates, 1)
    if seed is not None:
        check_whole("seed", seed, 0)
    gap = open_gap(score, start, end, parts)
    _check_voices(run, gap)
    cells, hidden = _cells(run, gap)
    new, nats = _compose(run, cells, hidden, gap, count * candidates, seed, rules_of(run, rules))
    joins = not run.encoding.holds  # without holds, two equal notes one after the other are one
    scores = [gap.filled(_notes(run, gap, cells, ids), joins) for ids in new]
    return best(scores, nats, [int(hidden.sum())] * len(scores), candidates)


def _check_voices(run, gap: Gap) -> None:
    """Raises ValueError where the parts are not those that a run writes."""
    voices, count = len(run.encoding.order), len(gap.score.part_names)
    if voices > 1 and (count != voices or DRUM_KIT in gap.score.programs):
        raise ValueError(
            f"this run fills in {voices} voices, one in each part from the top, and this score has {count} part(s)"
            f"{' with percussion' if DRUM_KIT in gap.score.programs else ''};"
            " take models/tune_infill for one part"
        )
    if voices == 1 and len(gap.parts) > 1:
        raise ValueError(f"this run fills in one voice, and {len(gap.parts)} parts were chosen; name one with parts=")


def _cells(run, gap: Gap) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ids of what stays on the grid, and which cells are to be composed, each (steps, voices)."""
    order = run.encoding.order
    single = len(order) == 1
    whole, kept = (music.select(gap.parts[0]) if single else music for music in (gap.score, gap.kept))
    steps = max(len(run.encoding.encode(whole)) // len(order), gap.steps.stop)
    tokens = run.encoding.encode(kept)
    tokens += [REST] * (steps * len(order) - len(tokens))
    cells = run.vocabulary.to_ids(tokens, allow_unknown=True).reshape(steps, len(order))
    hidden = np.zeros(cells.shape, bool)
    hidden[gap.steps] = [single or voice in gap.parts for voice in order]
    if hidden.all():
        raise ValueError("nothing would stay, since the whole piece is to be composed: use sampling.generate")
    if unknown := int(np.sum((cells == UNKNOWN) & ~hidden)):
        warnings.warn(f"{unknown} tokens of what stays are unknown to this run, which does not see them", stacklevel=3)
    reach = _PAST / STEPS_PER_QUARTER
    near = kept.onset[(kept.onset > gap.begin - reach) & (kept.onset < gap.stop + reach)]
    if between := int(np.sum(between_steps(near))):
        warnings.warn(
            f"{between} of the {len(near)} notes near the gap begin between two sixteenths: this run reads them as on"
            " the nearest one, and writes none there",
            stacklevel=3,
        )
    return cells, hidden


def _compose(run, cells: np.ndarray, hidden: np.ndarray, gap: Gap, count: int, seed: int | None, rules: Rules):
    """Generates the ids of the gap, (count, steps of the gap, voices) int32, and their -log P, (count,)."""
    first = max(gap.steps.start - _PAST, 0) // _PERIOD * _PERIOD
    condition = np.append(np.where(hidden, UNKNOWN, cells)[first:], END).astype(np.int32)
    given = np.where(hidden, PADDING, cells)[gap.steps].ravel()
    guard = copying.checked(rules.avoid_copying, run.vocabulary, len(RESERVED))
    barred, primer = (PADDING, START, END, UNKNOWN), cells[first : gap.steps.start].ravel()
    ids, nats, _ = compiled_loop.run(
        run.model, rules, guard, barred, count, len(given), primer, condition, seed, given=given
    )
    return ids.reshape(count, -1, cells.shape[1]), nats


def _notes(run, gap: Gap, cells: np.ndarray, ids: np.ndarray) -> Iterator[tuple]:
    """Yields (onset, end, pitch, part, whether it continues the note before) of the new notes of a gap."""
    # One step more in front: what sounds there may be held on.
    before = [run.vocabulary.to_tokens(line) for line in cells[: gap.steps.start].T]
    sounding = [next((token for token in reversed(line) if token != HOLD), REST) for line in before]
    tokens = [*sounding, *run.vocabulary.to_tokens(ids.ravel())]
    # What stays may hold a token that the run does not know.
    written = run.encoding.decode([token if run.encoding.knows(token) else REST for token in tokens])
    for onset, duration, pitch, voice in zip(written.onset, written.duration, written.pitch, written.part, strict=True):
        first, last = (step(time) - 1 + gap.steps.start for time in (onset, onset + duration))
        part = gap.parts[0] if len(run.encoding.order) == 1 else int(voice)
        if last > gap.steps.start and part in gap.parts:
            begin = gap.begin if first <= gap.steps.start else first / STEPS_PER_QUARTER
            end = gap.stop if last >= gap.steps.stop else last / STEPS_PER_QUARTER
            yield begin, end, int(pitch), part, first < gap.steps.start
