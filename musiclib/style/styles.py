"""The styles that ship: corpora of music21 whose music can be told apart, melodies and music in four voices.

The folk songs of the Essen collection may be used for non-commercial purposes only, says its licence file, and so may
networks trained on them.

Source: Helmut Schaffrath, "The Essen Folksong Collection" (1995), in ABC by Seymour Shlien.
"""

from __future__ import annotations

import dataclasses

from musiclib import corpus
from musiclib.corpus import Corpus
from musiclib.corpus.corpus import join
from musiclib.score import Score
from musiclib.score.voices import VOICES

_GERMAN = (
    "altdeu10 altdeu20 ballad10 ballad20 ballad30 ballad40 ballad50 ballad60 ballad70 ballad80 boehme10 boehme20 dva0"
    " erk10 erk20 erk30 erk5 fink0 kinder0 zuccal0 lot lux"
)
FOLK = {
    "Chinese": ("essenFolksong/han1", "essenFolksong/han2"),
    "German": tuple(f"essenFolksong/{name}" for name in _GERMAN.split()),  # with Luxembourg and Lorraine
    "Irish": ("oneills1850", "ryansMammoth"),  # with the fiddle tunes of the United States
}
"""Melodies, for ``corpus.load``: two of the three styles are of the Essen collection."""


def choral(limit: int | None = None, progress: bool = True) -> Corpus:
    """Returns Bach's chorales and movements of Palestrina's masses in four voices, labelled.

    The note values of the masses, in 4/2, are halved: a bar is then one of 4/4, as in the chorales.

    Args:
        limit: number of pieces of each, at random; None takes all.
        progress: show progress bars.
    """
    bach = corpus.load("bach", limit=limit, progress=progress)
    # About half of the movements have more or fewer voices.
    masses = corpus.load("palestrina", limit=None if limit is None else 2 * limit, progress=progress)
    four = masses.take(i for i, score in enumerate(masses.scores) if score.part_names == VOICES)
    halved = dataclasses.replace(four, scores=tuple(map(_halved, four.scores)))
    return join([bach.labelled("Bach"), halved.labelled("Palestrina")])


def _halved(score: Score) -> Score:
    signatures = tuple((onset / 2, upper, 2 * lower) for onset, upper, lower in score.time_signatures)
    tempos = tuple((onset / 2, tempo / 2) for onset, tempo in score.tempos)
    keys = tuple((onset / 2, *key) for onset, *key in score.key_signatures)
    return score.replace(
        onset=score.onset / 2, duration=score.duration / 2, time_signatures=signatures, tempos=tempos,
        key_signatures=keys,
    )  # fmt: skip
