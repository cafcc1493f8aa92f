"""Estimates: the key and the time signature of a piece that states neither, as generated music."""

from __future__ import annotations

import numpy as np

from musiclib.score.checking import check_score
from musiclib.score.score import Score

# How frequent the twelve notes of the scale, from the tonic up, are in major and in minor: J. Albrecht and D. Shanahan,
# "The Use of Large Corpora to Train a New Type of Key-Finding Algorithm", Music Perception 31 (2013).
PROFILES = {
    "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
}
FINAL = 0.1  # added to the correlation of a key whose tonic is the last bass note
STEPS = 4  # per quarter note, of the accents that show the metre
LONGEST = 2.0  # quarter lengths: a longer note is no stronger accent
MOST_QUARTERS = 1000.0  # of a long piece, the beginning shows the metre
REPEATED = 0.2  # weight of repeated pitches beside that of repeated accents


def key(score: Score) -> tuple[int, str]:
    """Estimates the key, by the correlation of its profile with the durations of the twelve pitch classes.

    C. Krumhansl and M. Schmuckler's method (Cognitive Foundations of Musical Pitch, 1990), with later profiles and a
    preference for the last bass note as tonic.

    Args:
        score: at least one note.

    Returns:
        (fifths, mode): the sharps of the key signature, -6 to 6 and negative for flats, and ``"major"`` or ``"minor"``.

    Raises:
        ValueError: if the score is empty.
    """
    score = _checked(score)
    weights = np.bincount(score.pitch % 12, score.duration / score.duration.max(), 12)
    ends = score.onset + score.duration
    final = score.pitch[ends >= ends.max() - 1e-3].min() % 12
    fits = {}
    for mode, profile in PROFILES.items():
        for tonic in range(12):
            fits[tonic, mode] = _correlation(weights, np.roll(profile, tonic)) + FINAL * (tonic == final)
    tonic, mode = max(fits, key=fits.get)
    flats = 6 if mode == "minor" else 5  # E flat minor and F sharp major are more usual than D sharp and G flat
    return (7 * (tonic + 3 * (mode == "minor")) + flats) % 12 - flats, mode


def time_signature(score: Score) -> tuple[int, int]:
    """Estimates the time signature, by the autocorrelation of accents and of pitches.

    Bars are repeated: in triple metre, notes after 3, 6 and 12 quarters are more alike than after 2, 4 and 8; in
    compound metre, accents return after one and a half quarters. P. Toiviainen and T. Eerola, "Autocorrelation in
    meter induction: The role of accent structure", Journal of the Acoustical Society of America 119 (2006).

    Args:
        score: at least one note.

    Returns:
        (numerator, denominator): (2, 4), (3, 4), (4, 4) or (6, 8). 4/4 and 2/4 differ by the sixteenths only.

    Raises:
        ValueError: if the score is empty.
    """
    score = _checked(score)
    onset = score.onset - score.onset[0]
    early = onset < MOST_QUARTERS
    starts = np.rint(onset[early] * STEPS).astype(np.int64)
    accents = np.zeros((12, starts.max() + 1))
    np.add.at(accents, (score.pitch[early] % 12, starts), np.minimum(score.duration[early], LONGEST))
    loudness = accents.sum(axis=0)

    def alike(pitches: float, *lags: int) -> float:
        """The mean autocorrelation at some lags in steps, 1 if accents are independent."""
        found = []
        for lag in lags:
            if lag < len(loudness):
                accent = np.mean(loudness[lag:] * loudness[:-lag]) / np.mean(loudness) ** 2
                pitch = np.mean((accents[:, lag:] * accents[:, :-lag]).sum(axis=0)) / np.sum(accents.mean(axis=1) ** 2)
                found.append(accent + pitches * pitch)
        return float(np.mean(found)) if found else 0.0

    dotted, plain = alike(0, 6, 18, 30), alike(0, 4, 8, 16, 20)
    if dotted > 1.01 * plain:
        return 6, 8
    if alike(REPEATED, 12, 24, 48, 96) > 1.1 * alike(REPEATED, 8, 16, 32, 64) > 0:
        return (3, 4) if dotted < 0.97 * plain else (6, 8)
    return (2, 4) if alike(0, 1) > 0.3 * plain else (4, 4)


def _checked(score: Score) -> Score:
    """Returns the pitched parts: what is repeated in drums are sounds, and not the notes of a scale."""
    check_score(score, "an estimate")
    pitched = score.pitched()
    if not len(pitched):
        what = "no pitched notes" if len(score) else "no notes"
        raise ValueError(f"the score has {what}, so it has no key and no time signature; give one with notes")
    return pitched


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    size = np.sqrt(np.sum(one**2) * np.sum(other**2))
    return float(np.sum(one * other) / size) if size > 0 else 0.0
