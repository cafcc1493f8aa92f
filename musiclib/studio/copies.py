"""Copies: what a piece shares with the music that a model learned from, in sentences."""

from __future__ import annotations

import functools
import threading

import numpy as np

from musiclib import corpus, style
from musiclib.evaluation import Originality
from musiclib.score import Score, meter
from musiclib.studio.notebook import load_run

_TUNES = (("oneills1850", "airdsAirs", "ryansMammoth"), None, "fiddle tunes")
SOURCES = {  # of each run: what corpus.load takes, its limit, and the same in words
    **dict.fromkeys(("tunes_vae", "tune_infill"), _TUNES),
    "folk_styles": (style.FOLK, 1500, "folk tunes"),
    "": ("bach", None, "chorales by Bach"),  # of the others
}
_REAL = 24  # held-out pieces whose own quotations are the comparison
_LONG = 48  # notes: shorter pieces share less by their length alone
_lock = threading.Lock()


def report(run: str, score: Score) -> str:
    """Returns sentences on the longest passage of a piece that is also in a run's training music, in any key.

    The first report on a run reads its corpus, which takes some ten seconds where it is not in the cache.
    """
    with _lock:
        index, what, typical = _index(run)
    passage = index.longest([score])[0]
    bar = int(passage.start // meter.bar_length(score.time_signatures)) + 1
    up = passage.transposition
    moved = f"{up} semitone{'s' * (up > 1)} higher" if up else "in the same key"
    text = (
        f"The longest passage that is also in the {what}: {passage.notes} notes in a row ({passage.bars:.1f} bars),"
        f" from bar {bar} on. It is in “{passage.source}”, from quarter note {passage.source_start:g} on, {moved}."
    )
    if typical and len(score) >= _LONG:
        verdict = "more than is usual" if passage.notes > 2 * typical else "no more than is usual"
        text += f" Real pieces that the model never saw share {typical:g} notes with them (median): this is {verdict}."
    return text if passage.notes else f"No note of this piece is in the {what} that the model learned from."


@functools.cache
def _index(run: str) -> tuple[Originality, str, float | None]:
    """Returns the index of a run's training music, what it is, and how many notes a held-out piece shares with it."""
    source, limit, what = SOURCES.get(run, SOURCES[""])
    music = corpus.load(source, limit=limit, progress=False)
    learned = set(load_run(run).about["dataset"]["train_names"])
    inside = [number for number, name in enumerate(music.names) if name in learned]
    if not inside:  # the benchmark's run names its pieces in another way: all chorales
        return Originality(music.scores, music.names), f"{len(music)} {what}", None
    index = Originality((train := music.take(inside)).scores, train.names)
    others = sorted(set(range(len(music))) - set(inside))
    real = music.take(others[:: max(len(others) // _REAL, 1)][:_REAL])
    return index, f"{len(train)} {what}", float(np.median([passage.notes for passage in index.longest(real.scores)]))
