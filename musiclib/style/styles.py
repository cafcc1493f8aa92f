"""The styles that ship: corpora of music21 whose music can be told apart.

The folk songs of the Essen collection may be used for non-commercial purposes only, says its licence file, and so may
networks trained on them.

Source: Helmut Schaffrath, "The Essen Folksong Collection" (1995), in ABC by Seymour Shlien.
"""

from __future__ import annotations

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
