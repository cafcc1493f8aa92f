"""Reads files by musiclib and by a second reader, and reports how many notes agree in onset and pitch.

    PYTHONPATH=. python tests/soak/compare_readers.py [FOLDER ...] [--count N] [--seed 0] [--all]

Without a folder: all MusicXML, kern and ABC of music21's corpus; --count takes that many files of each format by
chance. The second readers are those of tests/second_readers.py: for MusicXML and kern some lines each, for ABC the
program abc2midi, which symusic brings along. Files below 99.5 % are listed, --all lists every one. The exit status is 1
if less than 95 % of the files of a format reach that.
"""

import argparse
import collections
import pathlib
import random
import sys
import warnings

ROOT = pathlib.Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

ENOUGH = 0.995  # of the notes of a file
SHARE = 0.95  # of the files of a format
FORMATS = {".mxl": "MusicXML", ".xml": "MusicXML", ".musicxml": "MusicXML", ".krn": "kern", ".abc": "ABC"}


def find(folders: list[pathlib.Path]) -> dict[str, list[pathlib.Path]]:
    """Returns the files of each format."""
    found = collections.defaultdict(list)
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in FORMATS and path.is_file():
                found[FORMATS[path.suffix.lower()]].append(path)
    return found


def compare(path: pathlib.Path) -> list[tuple[str, float | None, str]]:
    """Returns (name, agreement, remark) of each piece of a file; no agreement where neither finds notes."""
    import second_readers

    from musiclib import readers

    try:
        if path.suffix.lower() == ".abc":
            return compare_tunes(path)
        theirs = second_readers.notes(path)
    except Exception as error:  # whatever the second reader cannot read says nothing about ours
        return [(path.name, None, f"second reader: {type(error).__name__}: {error}")]
    try:
        ours = rows(readers.read_score(path))
    except readers.UnreadableScore as error:
        return [(path.name, 0.0 if theirs else None, error.reason)]
    return [(path.name, second_readers.agreement(ours, theirs), f"{len(ours)} notes, {len(theirs)} by the second")]


def compare_tunes(path: pathlib.Path) -> list[tuple[str, float | None, str]]:
    """Compares a tune book, tune by tune."""
    import re

    import second_readers

    from musiclib import readers

    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    tunes = re.split(r"(?m)^(?=X:)", text.replace("\r\n", "\n"))[1:]
    pieces = readers.read_pieces(readers.find_reader("music21"), path)
    if len(tunes) != len(pieces):
        return [(path.name, 0.0, f"{len(pieces)} tunes, and {len(tunes)} X: fields")]
    found = []
    for number, (tune, (music, *_)) in enumerate(zip(tunes, pieces), 1):
        name = f"{path.name}#{number}"
        try:
            theirs = second_readers.abc(tune.partition("\n\n")[0] + "\n")
        except Exception as error:
            found.append((name, None, f"second reader: {type(error).__name__}"))
            continue
        ours = [] if isinstance(music, readers.UnreadableScore) else rows(music)
        remark = f"{len(ours)} notes, {len(theirs)} by the second"
        found.append((name, second_readers.agreement(ours, theirs) if ours or theirs else None, remark))
    return found


def rows(score) -> list[tuple]:
    """Returns the notes as the second readers do."""
    return sorted(zip(score.onset.round(3).tolist(), score.duration.round(3).tolist(), score.pitch.tolist()))


def main() -> int:
    """Reads, compares and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=pathlib.Path, help="folders to search; music21's corpus by default")
    parser.add_argument("--count", type=int, help="files of each format, by chance")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="list every piece")
    options = parser.parse_args()
    import music21

    warnings.simplefilter("ignore")
    folders = options.folders or [pathlib.Path(music21.__file__).parent / "corpus"]
    failed = False
    print("| format | files | pieces compared | at least 99.5 % of notes agree |\n| --- | --: | --: | --: |")
    for kind, paths in sorted(find(folders).items()):
        if options.count and options.count < len(paths):
            paths = sorted(random.Random(options.seed).sample(paths, options.count))
        results = [result for path in paths for result in compare(path)]
        compared = [share for _, share, _ in results if share is not None]
        good = sum(share >= ENOUGH for share in compared)
        failed |= good < SHARE * len(compared)
        print(f"| {kind} | {len(paths)} | {len(compared)} | {good} ({good / max(len(compared), 1):.1%}) |", flush=True)
        for name, share, remark in results:
            if options.all or share is None or share < ENOUGH:
                print(f"  {name}: {'not compared' if share is None else f'{share:.3f}'} ({remark})", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main())
