"""Bars: how generated two-bar phrases of four voices compare with real ones.

A phrase is a score with the parts soprano, alto, tenor and bass on a sixteenth-note grid, as decoded by
``encodings.Phrases(voices="SBAT")``: two bars of its time signature, 4/4 without one. A shorter score is filled up with
rests. Every function raises a ValueError at phrases that cannot be compared.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from musiclib.evaluation.distances import mean_of_finite
from musiclib.score import Score, meter
from musiclib.score.checking import check_scores
from musiclib.score.voices import SILENT, STEPS_PER_QUARTER, VOICES, from_grid, notes_at_steps

BARS = 2  # of a phrase
_ONSET, _REST = 4, 12  # semitones: what an onset and a rest count in the distance between two phrases
_ANGLES = np.outer([7 / 6, 3 / 2, 2 / 3], np.pi * np.arange(12))  # on the circles of fifths, minor and major thirds
_CENTROIDS = np.concatenate([f(_ANGLES) * [[1.0], [1.0], [0.5]] for f in (np.sin, np.cos)])  # (6, pitch classes)


def bar_measures(scores: Sequence[Score]) -> dict[str, float]:
    """Returns MuseGAN's measures of bars, by name; nan where nothing sounds.

    - ``empty bars, soprano``: share of bars in which the voice does not sound.
    - ``used pitch classes, soprano``: mean number per bar that is not empty, with notes held across the bar line.
    - ``qualified notes, soprano``: share of notes of at least 3/96 of a bar. On a sixteenth-note grid every note is
      that long, so this is 1 by construction; MuseGAN's grid is finer.
    - ``notes of an eighth or longer, soprano``: share of notes, each in its full length; low if notes are fragmented.
    - ``tonal distance, soprano-alto``: mean over the quarter-note beats in which both voices sound; 0 for equal pitch
      classes, 1.74 for a fifth, 2 for a minor third. The chroma vector of a voice in a beat, with a sum of 1, is mapped
      to its tonal centroid, a point on the circles of fifths, minor thirds (radius 1) and major thirds (0.5).

    Source: Hao-Wen Dong et al., "MuseGAN" (2018); Christopher Harte et al., "Detecting Harmonic Change in Musical
    Audio" (2006), for the tonal distance.
    """
    ((pitches, onsets),) = _grids(scores)
    bar, measures = pitches.shape[1] // BARS, {}
    classes = np.where(pitches == SILENT, SILENT, pitches % 12)
    chroma = (classes[..., None] == np.arange(12)).reshape(-1, bar, len(VOICES), 12)
    used = chroma.any(axis=1).sum(axis=2)  # (bars, voices)
    beats = np.add.reduceat(chroma.astype(float), np.arange(0, bar, STEPS_PER_QUARTER), axis=1)
    total = beats.sum(axis=3, keepdims=True)
    points = np.divide(beats, total, out=np.full_like(beats, np.nan), where=total > 0) @ _CENTROIDS.T
    for voice, name in enumerate(map(str.lower, VOICES)):
        sounding = pitches[..., voice].ravel() != SILENT
        lengths = np.bincount(np.cumsum(onsets[..., voice])[sounding])[1:]  # of the notes, in sixteenths
        measures[f"empty bars, {name}"] = float(np.mean(used[:, voice] == 0))
        measures[f"used pitch classes, {name}"] = mean_of_finite(used[used[:, voice] > 0, voice])
        measures[f"qualified notes, {name}"] = mean_of_finite(lengths >= 3 / 96 * bar)
        measures[f"notes of an eighth or longer, {name}"] = mean_of_finite(lengths >= STEPS_PER_QUARTER / 2)
    for one, other in itertools.combinations(range(len(VOICES)), 2):
        distances = np.linalg.norm(points[:, :, one] - points[:, :, other], axis=2)
        measures[f"tonal distance, {VOICES[one]}-{VOICES[other]}".lower()] = mean_of_finite(distances)
    return measures


def comparison(
    columns: Mapping[str, Sequence[Score]], real: Sequence[Score], training: Sequence[Score]
) -> dict[str, dict[str, float]]:
    """Returns every measure of this module for several sets of phrases, by their names.

    Args:
        columns: the sets to compare, such as generated and shuffled phrases. ``real`` itself has no precision, recall
            and classifier: compare it with a second set of real phrases, of other pieces.
        real: held-out phrases.
        training: those that ``nearest_copy`` searches.
    """
    table = {}
    for name, scores in columns.items():
        table[name] = {
            **bar_measures(scores),
            "distinct phrases": distinct_share(scores),
            "nearest copy": float(nearest_copy(scores, training).mean()),
        }
        if scores is not real:
            precision, recall = precision_recall(real, scores)
            auc = classifier_auc(real, scores)
            table[name].update({"precision": precision, "recall": recall, "classifier AUC": auc})
    return table


def shuffled(scores: Sequence[Score], seed: int = 0) -> list[Score]:
    """Returns a baseline without structure: as many phrases, each symbol drawn from another one of at least two.

    A symbol is an onset with its pitch, a hold or a rest; it keeps its voice and step. A hold continues whatever the
    voice sounds, and is silent after a rest.
    """
    ((pitches, onsets),) = _grids(scores)
    if len(pitches) < 2:
        raise ValueError("one phrase cannot be shuffled; give at least 2")
    count, steps, voices = pitches.shape
    others = np.arange(count)[:, None, None] + np.random.default_rng(seed).integers(1, count, pitches.shape)
    source = others % count, np.arange(steps)[:, None], np.arange(voices)
    pitches, onsets = pitches[source], onsets[source]
    held, before = (pitches != SILENT) & ~onsets, SILENT
    for step in range(steps):
        before = pitches[:, step] = np.where(held[:, step], before, pitches[:, step])
    return [
        from_grid(pitch, onset).replace(time_signatures=score.time_signatures)
        for pitch, onset, score in zip(pitches, onsets, scores, strict=True)
    ]


def distinct_share(scores: Sequence[Score]) -> float:
    """Returns the number of different phrases over that of all; phrases with the same notes are equal."""
    ((pitches, onsets),) = _grids(scores)
    return len(np.unique((2 * pitches + onsets).reshape(len(pitches), -1), axis=0)) / len(pitches)


def precision_recall(real: Sequence[Score], generated: Sequence[Score], k: int = 3) -> tuple[float, float]:
    """Returns the improved precision and recall of generated phrases, each 0 to 1.

    Precision is the share of generated phrases in the neighbourhood of a real one, and measures quality. Recall is the
    share of real phrases in the neighbourhood of a generated one, and measures variety; but widely scattered phrases
    have wide neighbourhoods, so that shuffled music has a high recall. Both depend on the size of the sets: compare
    with two sets of real phrases, equally large.

    A neighbourhood reaches to the ``k``-th nearest phrase of the same set, which must have more than ``k``. Distances
    are Euclidean, over all steps and voices, of three features: the pitch in semitones above the phrase's mean pitch
    (rounded), so that transposition does not count, and 0 for a rest; 4 for an onset, else 0; 12 for a rest, else 0.

    Source: Tuomas Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models" (2019).
    """
    real, generated = (_features(*grid) for grid in _grids(real, generated))
    smaller = min(len(real), len(generated))
    if not 1 <= k < smaller:
        raise ValueError(f"k={k} is not at least 1 and below {smaller}, the phrases of the smaller set; choose another")
    return _covered(generated, real, k), _covered(real, generated, k)


def nearest_copy(scores: Sequence[Score], training: Sequence[Score]) -> np.ndarray:
    """Returns how much of each phrase is a copy of its nearest training phrase, (scores,) float64, 0 to 1.

    This is the share of its cells (a voice at a step) that are the same: the same pitch and both or neither an onset,
    or both a rest. Training phrases are compared in every transposition, octaves included.
    """
    queries, (pitches, onsets) = ([array.reshape(len(array), -1) for array in g] for g in _grids(scores, training))
    bins, shares = 256 * np.arange(len(pitches))[:, None] + 128, []  # 256 for each phrase, for -127 to 127 semitones
    for pitch, onset in zip(*queries, strict=True):
        rests = (pitches == SILENT) & (pitch == SILENT)
        notes = (pitches != SILENT) & (pitch != SILENT) & (onsets == onset)
        # The best transposition is the most frequent interval between cells.
        intervals = np.bincount((bins + pitches - pitch)[notes], minlength=256 * len(pitches)).reshape(-1, 256)
        shares.append(np.max(intervals.max(axis=1) + rests.sum(axis=1)) / len(pitch))
    return np.array(shares)


def classifier_auc(real: Sequence[Score], generated: Sequence[Score], seed: int = 0) -> float:
    """Returns how well a small classifier tells real phrases from generated ones, as the area under the ROC curve.

    Two dense layers are trained on half of each set (of at least two) and tested on the other halves, and then vice
    versa; the mean is 0.5 by chance, and 1 for a perfect classifier. The inputs are the features of
    ``precision_recall``, and how often each interval occurs between two voices (modulo an octave) and from note to note
    of a voice (an octave at most). On a CPU, the same seed gives the same result.

    The sets must not share phrases (a set against itself gives less than 0.5), and phrases of one piece are alike: as
    the reference, take two sets of real phrases, each from many other pieces.
    """
    if 1 in (len(real), len(generated)):
        raise ValueError(f"{len(real)} real and {len(generated)} generated phrases have no halves; give 2 of each")
    inputs = [np.hstack([_features(*grid) / _REST, _intervals(*grid)]) for grid in _grids(real, generated)]
    rng, areas = np.random.default_rng(seed), []
    halves = [np.array_split(rng.permutation(rows), 2) for rows in inputs]
    model = _classifier(inputs[0].shape[1], seed)
    variables = [*model.variables, *model.optimizer.variables]
    start = [keras.ops.convert_to_numpy(variable).copy() for variable in variables]
    for train, test in ((0, 1), (1, 0)):
        for variable, value in zip(variables, start, strict=True):
            variable.assign(value)  # another network would be compiled again
        x = np.concatenate([half[train] for half in halves])
        y = np.repeat([1.0, 0.0], [len(half[train]) for half in halves])[:, None]
        epochs = np.concatenate([rng.permutation(len(x)) for _ in range(20)])  # fit would shuffle by the global seed
        for batch in epochs[: len(epochs) // 32 * 32].reshape(-1, 32):
            model.train_on_batch(x[batch], y[batch])
        higher, lower = (keras.ops.convert_to_numpy(model(half[test], training=False))[:, 0] for half in halves)
        places = [np.searchsorted(np.sort(lower), higher, side).mean() for side in ("left", "right")]
        areas.append(np.mean(places) / len(lower))  # share of pairs in the right order; equal outputs count half
    return float(np.mean(areas))


def _grids(*sets: Sequence[Score]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns the pitches, int (phrases, steps, 4), -1 where silent, and the onsets, bool, of each set of phrases."""
    sets = tuple(check_scores(some, "a measure of bars") for some in sets)
    if not all(map(len, sets)):
        raise ValueError(f"got {' and '.join(str(len(some)) for some in sets)} phrases; give at least one in each set")
    bars = {math.ceil(meter.bar_length(score.time_signatures) * STEPS_PER_QUARTER) for some in sets for score in some}
    if len(bars) > 1:
        raise ValueError(f"bars of {sorted(bars)} sixteenths cannot be compared; give phrases of one time signature")
    shape, grids = (BARS * bars.pop(), len(VOICES)), []
    for some in sets:
        grids.append((np.full((len(some), *shape), SILENT), np.zeros((len(some), *shape), dtype=bool)))
        for score, pitches, onsets in zip(some, *grids[-1], strict=True):
            score = score.pitched()
            if len(score.part_names) != len(VOICES):
                raise ValueError(f"{score} does not have four parts; give phrases of {', '.join(VOICES)}")
            notes = notes_at_steps(score)
            if len(notes) > len(pitches):
                raise ValueError(f"{score} is longer than {BARS} bars, {len(pitches)} sixteenths; use score.slice")
            pitches[: len(notes)] = np.where(notes == SILENT, SILENT, np.append(score.pitch, SILENT)[notes])
            onsets[: len(notes)] = (notes != SILENT) & (np.diff(notes, axis=0, prepend=SILENT) != 0)
    return grids


def _features(pitches: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """Returns the features of ``precision_recall``, (phrases, size) float64; whole numbers make distances exact."""
    pitches, onsets = (array.reshape(len(array), -1) for array in (pitches, onsets))
    rests = pitches == SILENT
    count = np.maximum(np.sum(~rests, axis=1, keepdims=True), 1)
    mean = (2 * np.sum(pitches, axis=1, keepdims=True, where=~rests) + count) // (2 * count)  # halves round up
    return np.hstack([np.where(rests, 0, pitches - mean), _ONSET * onsets, _REST * rests]).astype(float)


def _intervals(pitches: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """Returns how often each interval of ``classifier_auc`` occurs, per quarter-note beat, (phrases, size) float64."""
    sounding, (one, other) = pitches != SILENT, np.triu_indices(len(VOICES), 1)
    harmonic = np.where(sounding[..., one] & sounding[..., other], (pitches[..., one] - pitches[..., other]) % 12, -1)
    melodic = np.where(onsets[:, 1:] & sounding[:, :-1], np.clip(np.diff(pitches, axis=1), -12, 12), -13)
    one_hot = harmonic[..., None] == np.arange(12), melodic[..., None] == np.arange(-12, 13)
    return np.hstack([STEPS_PER_QUARTER * part.mean(axis=1).reshape(len(pitches), -1) for part in one_hot])


def _covered(some: np.ndarray, others: np.ndarray, k: int) -> float:
    """Returns the share of ``some`` features, (n, size), in the neighbourhood of one of the others, (m, size)."""
    covered = np.zeros(len(some), dtype=bool)
    for block in np.array_split(others, -(-len(others) // 256)):  # keeps memory small
        # Squared distances, all less the same for each row of the block. The nearest one is the row itself.
        among, between = ((rows**2).sum(axis=1) - 2 * block @ rows.T for rows in (others, some))
        covered |= (between <= np.partition(among, k, axis=1)[:, k : k + 1]).any(axis=0)
    return float(covered.mean())


def _classifier(size: int, seed: int) -> keras.Model:
    """Returns a compiled classifier of (batch, size) features that has random numbers of its own."""
    model = keras.Sequential([keras.Input((size,))])
    for i, units in enumerate((128, 32)):
        start = keras.initializers.GlorotUniform(seed=seed + i)
        model.add(keras.layers.Dense(units, activation="relu", kernel_initializer=start))
        model.add(keras.layers.Dropout(0.3, seed=seed + i))
    model.add(keras.layers.Dense(1, kernel_initializer="zeros", dtype="float32"))
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.BinaryCrossentropy(from_logits=True))
    model.optimizer.build(model.trainable_variables)
    return model
