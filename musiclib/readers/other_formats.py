"""Other formats: files that hold music in a form that is not read here, and what to do with them."""

from __future__ import annotations

import pathlib

from musiclib.score import Score

_REMEDIES = {
    ".zip .tar .gz .tgz .bz2 .xz .7z .rar": "it is an archive; unpack it and give the folder",
    ".mp3 .wav .flac .ogg .m4a .aac .aif .aiff .wma .opus": "it is a recording, and notes are read here; transcribe it"
    " to MIDI first (for example with Basic Pitch), or learn from the sound itself with dataset.prepare_sound",
    ".pdf .png .jpg .jpeg .tif .tiff .gif .svg": "it is a picture of music; recognize the notes first (for example with"
    " Audiveris), and export them as MusicXML",
    ".doc .docx .odt .rtf .html .htm": "it is a document; export MusicXML or MIDI from the program"
    " that the music was written in",
    ".mscz .mscx .sib .musx .mus .gp .gp3 .gp4 .gp5 .gpx .ly .als .flp .logicx": "it is a file of a music"
    " program; open it there and export it as MusicXML or MIDI",
    ".npz": "it may be a saved corpus; load it with corpus.Corpus.load",
}
REMEDIES = {suffix: remedy for suffixes, remedy in _REMEDIES.items() for suffix in suffixes.split()}


def path_of(path: object) -> pathlib.Path:
    """Returns the path of one file; raises ValueError, with what to do, where it is none."""
    if isinstance(path, (list, tuple)):
        raise ValueError(f"this is a list of {len(path)} paths; read them with corpus.load(paths)")
    if isinstance(path, Score):
        raise ValueError(f"this is {path}, which is read already: use it as it is")
    if "://" in str(path):
        raise ValueError(f"{path} is an address; download it, and give the file")
    return pathlib.Path(path).expanduser()


def remedy(path: str | pathlib.Path) -> str | None:
    """Returns what a file is, by its suffix, and what to do with it; None where it may be music to read."""
    return REMEDIES.get(pathlib.Path(path).suffix.lower())
