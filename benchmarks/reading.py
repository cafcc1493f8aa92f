"""Reading: musiclib's readers and cache, against music21 file by file; and what users wait for."""

from __future__ import annotations

import functools
from collections.abc import Callable

from benchmarks import music, textbook
from benchmarks.measure import Comparison, Row, Setting, Unavailable, seconds


def _textbook(setting: Setting) -> Callable[[], float]:
    paths = music.files(setting)
    textbook.parse(paths[0])  # imports music21
    return lambda: seconds(lambda: [textbook.parse(path) for path in paths])


def _loading(source: str | None, **options) -> Callable[[Setting], Callable[[], float]]:
    """Returns the side that loads a corpus; None is the folder of the run."""

    def prepare(setting: Setting) -> Callable[[], float]:
        from musiclib import corpus

        if source is not None and source != "bach" and not music.PERFORMANCES.is_dir():
            raise Unavailable("the performances are not on this machine")
        load = functools.partial(corpus.load, source or setting.data, progress=False, **options)
        load()  # imports, starts the processes that read, and fills the cache where there is one
        return lambda: seconds(load)

    return prepare


COMPARISONS = (
    Comparison(
        rows=(
            Row("read_fast", "read the files, fast reader", _loading(None, reader="symusic", cache=False), 300),
            Row("read_cached", "read them again, from the cache", _loading(None), 100),
            Row("read_default", "read the files, default reader, all cores", _loading(None, cache=False)),
        ),
        unit="s",
        against="music21, file by file",
        baseline=_textbook,
    ),
    Comparison(
        rows=(
            Row("chorales", "read 371 chorales, music21, all cores", _loading("bach", cache=False)),
            Row("chorales_cached", "read them again, from the cache", _loading("bach")),
            Row(
                "performances",
                "read 102 performances, fast reader",
                _loading(str(music.PERFORMANCES), reader="symusic", cache=False),
            ),
        ),
        unit="s",
    ),
)
