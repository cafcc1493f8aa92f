"""MAESTRO, version 3: 1,276 piano performances with an official split, downloaded once into ``data/``.

Source: Curtis Hawthorne et al., "Enabling Factorized Piano Music Modeling and Generation with the MAESTRO Dataset"
(2019).
"""

from __future__ import annotations

import csv

from musiclib import config
from musiclib.corpus import download

URL = "https://storage.googleapis.com/magentadata/datasets/maestro/v3.0.0/maestro-v3.0.0-midi.zip"
SHA256 = "70470ee253295c8d2c71e6d9d4a815189e35c89624b76d22fce5a019d5dde12c"


def files() -> list[tuple[str, str, str]]:
    """Lists (name, path, official split) of every performance; the first call downloads them all."""
    data = config.folders().data
    archive = download.fetch(URL, SHA256, data / "maestro-v3.0.0-midi.zip")
    folder = download.unpack(archive, data / "maestro") / "maestro-v3.0.0"
    with (folder / "maestro-v3.0.0.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        (f"{row['canonical_composer']}: {row['canonical_title']}", str(folder / row["midi_filename"]), row["split"])
        for row in rows
    ]
