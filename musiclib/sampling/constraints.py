"""Constraints: bars, key, scale, cadence and loop of generated pieces."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from musiclib.encodings.vocabulary import END, LABEL, RESERVED
from musiclib.sampling import bar_tables
from musiclib.sampling.limits import FORBIDDEN, Limits, without_bars
from musiclib.sampling.rules import check_whole, is_number
from musiclib.score import Score, meter, scales
from musiclib.score.pitches import PITCH_CLASSES

_FINEST = 960  # steps of a quarter length, of the total
_EVENTS = 128  # most tokens of a quarter length, where time passes between notes
_MAJOR, _OTHER = (0, 4, 7), (0, 3, 4, 7)  # tonic chords; in other modes than major also with the Picardy third


class Generated(list):
    """Generated scores.

    Attributes:
        costs: what each constraint cost each piece, in nats: -log of the probability that the network gave to what the
            constraint allows, such as ``{"key": 3.1, "bars": 4.5}``; that of a loop may be below 0, see ``choosing``.
        ended: whether each piece has ended; otherwise it was cut after the most tokens.
    """

    def __init__(self, scores: Iterable[Score], costs: Iterable[dict[str, float]], ended: Iterable[bool]) -> None:
        super().__init__(scores)
        self.costs, self.ended = list(costs), list(ended)


class Prepared(NamedTuple):
    """Constraints for one run.

    Attributes:
        limits: what the compiled loop applies.
        stages: the constraint that each stage of the limits belongs to.
        repeated: how often the last step of the ids is repeated, so that the final chord is held.
        width: ids of a step.
        held: the id that holds a note, if there is one.
        end: where the piece ends, if notes are written apart from their ends; None elsewhere.
        alone: whether earlier notes may still sound when the last chord begins, and are to end there.
        longest: most ids of the piece; of an encoding of events more than any piece has.
    """

    limits: Limits
    stages: Sequence[str]
    longest: int = 0
    repeated: int = 0
    width: int = 1
    held: Sequence[int] = ()
    end: float | None = None
    alone: bool = False

    def costs(self, stages: np.ndarray) -> dict[str, float]:
        """Returns the cost of each constraint from those of the stages, (stages,)."""
        found = dict.fromkeys(self.stages, 0.0)
        for name, nats in zip(self.stages, stages.tolist(), strict=True):
            found[name] = round(found[name] + nats, 3)
        return found

    def close(self, ids: np.ndarray) -> np.ndarray:
        """Returns the ids of a piece with its last step held."""
        last = np.full(self.width, self.held[0], np.int32) if self.held else ids[len(ids) - self.width :]
        return np.concatenate([ids, np.tile(last, self.repeated)])


@dataclasses.dataclass(frozen=True)
class Constraints:
    """What a generated piece must be; the options of ``sampling.generate``.

    Args:
        bars: number of bars of the piece, with the primer if that is part of it.
        time_signature: of these bars, such as ``"3/4"``; None for 4/4.
        key: such as ``"D minor"`` or ``"Bb major"``: pitches outside its scale are never generated. With bars, a piece
            without a primer begins on its tonic chord; and of several candidates the first is taken that is estimated
            to be in it, since a scale alone leaves several keys open.
        scale: another scale than that of the key: a name of ``score.scales.SCALES`` from the key's tonic, or its notes.
        scale_penalty: nats that a token outside the scale loses, instead of never being generated.
        cadence: whether the piece ends on the tonic: its last note or chord is held to the last bar line, has the
            tonic (where the encoding knows it, in the bass) and only notes of the tonic chord. Needs a key and bars.
        loop: whether the piece leads back into its beginning: of several candidates the one after which the network
            finds the first bar likeliest. Needs bars. ``audio.synthesize_loop`` renders it.

    Raises:
        ValueError: at an invalid value.
    """

    bars: int | None = None
    time_signature: str | None = None
    key: str | None = None
    scale: str | Iterable[int | str] | None = None
    scale_penalty: float | None = None
    cadence: bool = False
    loop: bool = False

    def __post_init__(self) -> None:
        if self.bars is not None:
            check_whole("bars", self.bars, 1)
        if self.time_signature is not None:
            meter.parse(self.time_signature)
        if not (self.scale is None or isinstance(self.scale, str)):
            object.__setattr__(self, "scale", tuple(self.scale) if isinstance(self.scale, Iterable) else (self.scale,))
        for name in ("cadence", "loop"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise ValueError(f"{name} must be True or False, got {getattr(self, name)!r}")
        if self.time_signature is not None and self.bars is None:
            raise ValueError("time_signature needs bars, which it is for; give bars= too")
        penalty = self.scale_penalty
        if penalty is not None and not (is_number(penalty) and 0 <= penalty < float("inf")):
            raise ValueError(f"scale_penalty must be a number of nats, 0 or more, got {penalty!r}")
        if penalty is not None and self.key is None and self.scale is None:
            raise ValueError("scale_penalty needs a key or a scale; give one of them too")
        needed = [name for name in ("bars", "key") if getattr(self, name) is None]
        for name, lacking in (("cadence", needed), ("loop", needed[:1] if self.bars is None else [])):
            if getattr(self, name) and lacking:
                raise ValueError(f"{name}=True needs {' and '.join(lacking)}; give {lacking[0]}= too")
        _ = self.tonic, self.classes  # raises at an unknown key or scale

    @property
    def metre(self) -> tuple[int, int]:
        """Numerator and denominator of the time signature."""
        return meter.parse(self.time_signature or "4/4")

    @property
    def tonic(self) -> int | None:
        """Pitch class of the tonic; None without a key."""
        return None if self.key is None else scales.key(self.key)[0]

    @property
    def classes(self) -> frozenset[int] | None:
        """Pitch classes of the scale; None without one."""
        if self.key is None and self.scale is None:
            return None
        scale = self.scale if self.scale is not None else scales.key(self.key)[2]
        return scales.pitch_classes(scale, self.tonic)

    def prepare(self, run, barred: Sequence[int], before: Sequence[str], total: float | None = None) -> Prepared:
        """Prepares the generation of a piece.

        Args:
            run: the run that generates it.
            barred: ids that are never generated, among them the tokens that occur only in sources.
            before: tokens that the piece begins with.
            total: length of the bars, in quarter lengths; None for as many bars of the time signature.

        Raises:
            ValueError: if the run's tokens cannot fulfil the constraints.
        """
        tokens, encoding = run.vocabulary.tokens, run.encoding
        others = {*range(len(RESERVED)), *barred}
        music = [i not in others and not token.startswith(LABEL) for i, token in enumerate(tokens)]
        readings = [encoding.reading(t) if is_music else None for t, is_music in zip(tokens, music, strict=True)]
        usable = np.array(music)
        scale = self._scale(run, readings, usable)
        stages = [] if self.classes is None else ["scale" if self.key is None else "key"]
        if self.bars is None:
            return Prepared(without_bars(scale), stages)
        if self.scale_penalty is None:
            usable = usable & np.all(scale == 0, axis=0)
        plan = self._plan(total, opening=not before)
        usable = usable & self._in_metre(run, readings, plan, before)
        tables = bar_tables.build(encoding, readings, usable, plan)
        state = self._state(encoding, tables, plan, before)
        limits = Limits(scale, tables.allowed, tables.following, tables.overrun, tables.moving, np.int32(state))
        held = [i for i, r in enumerate(readings) if r is not None and r.pitches is None and r.moves]
        end = float(plan.total) if tables.apart else None
        alone = self.cadence and (tables.apart or getattr(encoding, "sustain", False))
        longest = _EVENTS * math.ceil(plan.total) if tables.apart else len(tables.places) + 1
        stages += ["bars", *(["key"] if plan.opening else []), *(["cadence"] if plan.cadence else [])]
        return Prepared(limits, stages, longest, tables.repeated, tables.width, held[:1], end, alone)

    def _plan(self, total: float | None, opening: bool) -> bar_tables.Plan:
        """Returns the bars; ``opening`` tells whether the first of them is generated."""
        upper, lower = self.metre
        bar = Fraction(4 * upper, lower)
        total = self.bars * bar if total is None else Fraction(total).limit_denominator(_FINEST)
        plan = bar_tables.Plan(total, bar, bar / 2 if upper % 2 == 0 else bar)
        if self.key is None:
            return plan
        tonic, _, mode = scales.key(self.key)
        triad = frozenset((tonic + step) % 12 for step in (_MAJOR if mode == "major" else _OTHER))
        return plan._replace(tonic=tonic, triad=triad, opening=opening, cadence=self.cadence)

    def _in_metre(self, run, readings, plan: bar_tables.Plan, before: Sequence[str]) -> np.ndarray:
        """Returns which tokens are no other time signature than that of the bars, (vocabulary,) bool.

        Raises:
            ValueError: if the phrases of the run, or the primer, do not fill the bars.
        """
        name = "{}/{}".format(*self.metre)
        tokens = run.vocabulary.tokens
        phrases = {t: r.fills for t, r in zip(tokens, readings, strict=True) if r is not None and r.fills is not None}
        if phrases and phrases.get(name) != plan.total:
            bars = run.encoding.bars
            raise ValueError(
                f"this run makes phrases of {bars} bars in {', '.join(sorted(phrases))}: give bars={bars} and one of"
                f" these as time_signature, got {self.bars} bars of {name}"
            )
        if before and before[0] in phrases and before[0] != name:
            raise ValueError(f"the primer is in {before[0]}, and the bars in {name}; give time_signature={before[0]!r}")
        return np.array([token == name or token not in phrases for token in tokens])

    def _state(self, encoding, tables: bar_tables.Tables, plan: bar_tables.Plan, before: Sequence[str]) -> int:
        """Returns the state after the tokens that a piece begins with.

        Raises:
            ValueError: if the piece cannot be finished from there.
        """
        name, last = "{} bars of {}/{}".format(self.bars, *self.metre), len(tables.places) - 1
        begun = sum((encoding.reading(token).moves for token in before), Fraction(0))
        state = int(tables.places[min(round(begun / plan.total * last), last)]) if before else 0
        onwards = np.delete(tables.allowed[:, state], END, axis=1).any(axis=1)  # of each stage
        if before and (begun > plan.total or not onwards[0]):
            raise ValueError(
                f"the primer lasts {float(begun):g} quarter lengths, and {name} last {float(plan.total):g}; ask for"
                " more bars, or for seconds, which come after the primer, or give a part of it, primer.slice(0, 8)"
            )
        if before and not onwards[-1]:
            raise ValueError(
                f"after a primer of {float(begun):g} quarter lengths, {self.bars} bars leave no room for an ending in"
                f" {self.key}; ask for more bars"
            )
        if not onwards[0]:
            raise ValueError(f"no tokens of this run fill {name}; choose other bars or another scale")
        if not onwards[-1]:
            raise ValueError(f"this run has no chord that begins or ends a piece in {self.key}; choose another key")
        return state

    def _scale(self, run, readings, usable: np.ndarray) -> np.ndarray:
        """Returns what the scale adds to the logits, (1, vocabulary) float32; (0, vocabulary) without a scale."""
        classes = self.classes
        if classes is None:
            return np.zeros((0, len(readings)), np.float32)
        outside = [r is not None and any(p % 12 not in classes for p in r.pitches or ()) for r in readings]
        notes = [r is not None and bool(r.pitches) for r in readings]
        if not np.any(usable & np.array(notes) & ~np.array(outside)):
            names = " ".join(PITCH_CLASSES[pitch] for pitch in sorted(classes))
            raise ValueError(f"no note of this run lies in the scale {names}; choose another key or scale")
        change = FORBIDDEN if self.scale_penalty is None else -self.scale_penalty
        return np.where(outside, change, 0).astype(np.float32)[None]

    def finish(self, score: Score, end: float | None, alone: bool) -> Score:
        """Returns a decoded piece with its key signature, and its last notes as long as they should be.

        Args:
            score: the piece.
            end: see ``Prepared``.
            alone: see ``Prepared``.
        """
        changes, duration, last = {}, score.duration, score.onset.max(initial=0.0)
        if self.key is not None:
            _, fifths, mode = scales.key(self.key)
            changes["key_signatures"] = ((0.0, fifths, mode),)
        if end is not None:
            duration = np.where(alone & (score.onset == last), np.inf, duration)
            duration = np.minimum(duration, end - score.onset)
        if alone:
            duration = np.where(score.onset < last, np.minimum(duration, last - score.onset), duration)
        return score.replace(**changes, duration=duration)
