"""Reads thousands of damaged MIDI, MusicXML, kern and ABC files, and counts what came of them.

    PYTHONPATH=. python tests/soak/fuzz_reading.py [--count 4000] [--seed 0]

Files of ../shared/data, where it is, of music21's corpus, and files made here are changed by chance: bits flipped, bytes
put in, cut out and exchanged, ends cut off, blocks moved. Each is read in a process of its own group, so that a crash or a hang costs
one file and is seen. A score has to be music that could have been meant. The exit status is 1 where anything went
wrong; the files that did it are kept in the folder that is printed.
"""

import argparse
import collections
import multiprocessing
import pathlib
import queue
import random
import sys
import tempfile
import warnings

ROOT = pathlib.Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

MOST_SECONDS = 10
LARGEST = 100_000  # bytes of a file to change: larger ones take long and show no more


def sources() -> list[tuple[str, bytes]]:
    """Returns the files to change, as (suffix, content)."""
    import music21
    from midi_by_hand import midi_bytes, note_events
    from test_fuzz_reading import NOTATION

    made = [
        midi_bytes([*note_events(60), *note_events(64, channel=3)], note_events(48)),
        midi_bytes([event for pitch in range(30, 90) for event in note_events(pitch, ticks=pitch)]),
    ]
    found = [*SHARED.glob("broken_midi/*.mid*"), *sorted(SHARED.glob("classical_piano_92/*.mid"))[::3]]
    found += [*SHARED.glob("reading_cases/*.*ml"), *SHARED.glob("reading_cases/*.abc"), *SHARED.glob("kern/*.krn")]
    corpus = pathlib.Path(music21.__file__).parent / "corpus"
    found += [
        *corpus.glob("trecento/*.xml"),
        *corpus.glob("miscFolk/*.abc"),
        *sorted(corpus.glob("palestrina/*.krn"))[:20],
    ]
    files = [(path.suffix.lower(), path.read_bytes()) for path in sorted(found) if path.stat().st_size <= LARGEST]
    notation = [(pathlib.Path(name).suffix, data) for name, data in NOTATION.items()]
    return [(".mid", data) for data in made] + 10 * notation + files


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Returns a copy with one to twenty changes."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 3, 5, 20])):
        if len(data) < 2:
            break
        # Mostly changes that keep the length: others rarely get past the first look at the chunks.
        place, kind = rng.randrange(len(data)), rng.choice([0, 0, 0, 1, 1, 1, 5, 5, 2, 3, 4])
        if kind == 0:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[place] = rng.choice([0, 0x7F, 0x80, 0x90, 0xC0, 0xF0, 0xF7, 0xFF, rng.randrange(256)])
        elif kind == 2:
            data[place:place] = rng.randbytes(rng.choice([1, 2, 4, 16]))
        elif kind == 3:
            del data[place : place + rng.choice([1, 2, 4, 64])]
        elif kind == 4:
            del data[place:]
        else:
            block = data[place : place + 50]
            other = rng.randrange(len(data))
            data[other : other + 50] = block
    return bytes(data)


def _work(tasks, results) -> None:
    import symusic  # noqa: F401  so that the first file does not pay for it
    from test_broken_midi import check

    from musiclib import readers

    warnings.simplefilter("ignore")
    for path, reader in iter(tasks.get, None):
        results.put((path, reader, "begun", ""))
        try:
            for score in readers.read_scores(path, reader=reader):
                check(score)
            outcome, detail = "score", ""
        except readers.UnreadableScore as error:
            clear = pathlib.Path(path).name in str(error) and "\n" not in str(error)
            outcome, detail = ("clean error", "") if clear else ("unclear error", str(error))
        except AssertionError as error:
            outcome, detail = "wrong score", repr(error)
        except BaseException as error:
            outcome, detail = "foreign error", repr(error)
        results.put((path, reader, outcome, detail))


def read_all(tasks: list[tuple[str, str]]) -> list[tuple[str, str, str, str]]:
    """Returns (path, reader, outcome, detail) of every task; a worker that hangs or dies is replaced."""
    context = multiprocessing.get_context("spawn")
    outcomes, left = [], collections.deque(tasks)
    while left:
        waiting, results = context.Queue(), context.Queue()
        for task in [*left, None]:
            waiting.put(task)
        worker = context.Process(target=_work, args=(waiting, results))
        worker.start()
        begun = False
        while left:
            try:
                path, reader, outcome, detail = results.get(timeout=MOST_SECONDS if begun else 120)
            except queue.Empty:
                outcome = "hang" if worker.is_alive() else "crash"
                outcomes.append((*left.popleft(), outcome, f"exit code {worker.exitcode}"))
                break
            begun = outcome == "begun"
            if not begun:
                left.popleft()
                outcomes.append((path, reader, outcome, detail))
                begun = True
        worker.kill()
        worker.join()
    return outcomes


def main() -> int:
    """Changes, reads, counts and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=4000, help="files to make")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    from musiclib import readers

    folder, rng = pathlib.Path(tempfile.mkdtemp(prefix="fuzz-")), random.Random(options.seed)
    originals = sources()
    tasks = []
    for number in range(options.count):
        suffix, original = rng.choice(originals)
        path = folder / f"{number:05}{suffix}"
        path.write_bytes(damaged(original, rng))
        tasks += [(str(path), reader) for reader in (readers.READERS if suffix.startswith(".mid") else ["music21"])]
    outcomes = read_all(tasks)
    counts = collections.Counter((reader, outcome) for _, reader, outcome, _ in outcomes)
    kinds = ("score", "clean error", "unclear error", "wrong score", "foreign error", "hang", "crash")
    print(f"{options.count} files made of {len(originals)}, seed {options.seed}")
    print("| reader | " + " | ".join(kinds) + " |\n| --- |" + " --: |" * len(kinds))
    for reader in readers.READERS:
        print(f"| {reader} | " + " | ".join(str(counts[reader, kind]) for kind in kinds) + " |")
    bad = [outcome for outcome in outcomes if outcome[2] not in kinds[:2]]
    for path, _, _, _ in outcomes:
        if all(path != other[0] for other in bad):
            pathlib.Path(path).unlink(missing_ok=True)
    for outcome in bad[:50]:
        print(*outcome)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
