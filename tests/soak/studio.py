"""The studio answers 200 requests, and its memory and its files stop growing.

    PYTHONPATH=. python tests/soak/studio.py [--requests 200] [--megabytes 150]

Starts a studio of its own and asks it, as a program does, for pieces of several lengths, keys and models, and for other
tabs. Printed are the memory of the process with those that it started, and the room of its files, every 20 requests.
The first third compiles loops and fills caches; the memory at its end is compared with that at the end of all.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import psutil

_KEYS = ("G major", "D minor", "A major", "")
_FILES = 500_000_000  # bytes: 40 results


def _held(process: psutil.Process) -> int:
    return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)])


def _room(folder: str) -> int:
    return sum(path.stat().st_size for path in pathlib.Path(folder).rglob("*") if path.is_file())


def _ask(client, number: int) -> None:
    """Asks for the next of several kinds of pieces."""
    kind, seed = number % 5, number
    if kind < 2:
        key = _KEYS[number % 4]
        inputs = ["jsb_gru" if kind else "bach_lstm", key, 4 + 4 * (number % 3), 92, "Church Organ", bool(key), False]
        client.predict(*inputs, 0.9, 0.95, seed, api_name="/compose")
    elif kind == 2:
        client.predict("Ode to Joy", api_name="/restyle_example")
        client.predict(("Irish", "German", "Chinese")[number % 3], "", 0.7, seed, api_name="/restyle")
    elif kind == 3:
        client.predict("The grid", f"[[0,2,{60 + number % 12}],[2,2,67],[4,4,64]]", 0.6, seed, api_name="/harmonize")
    else:
        client.predict(number % 11 / 10, api_name="/morph")


def run(folder: str, requests: int) -> tuple[int, int, int]:
    """Asks a studio; returns the bytes held after a third and at the end, and the most room of its files."""
    from gradio_client import Client

    command = [sys.executable, "-m", "musiclib.studio", "--no-browser"]
    environment = {**os.environ, "TMPDIR": folder}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        address = re.search(r"http://\S+", server.stdout.readline())[0]
        process, held, most, start = psutil.Process(server.pid), [], 0, time.perf_counter()
        for number in range(requests):
            if number % 20 == 0:  # another user
                client = Client(address, verbose=False, download_files=False, analytics_enabled=False)
            _ask(client, number)
            held.append(_held(process))
            if number % 20 == 19:
                most = max(most, _room(folder))
                seconds = time.perf_counter() - start
                print(
                    f"{number + 1:4} requests {seconds:7.1f} s {held[-1] / 1e6:7.0f} MB {_room(folder) / 1e6:7.0f} MB of files"
                )
        server.terminate()
        server.wait(30)
    return held[requests // 3], held[-1], most


def main() -> None:
    """Reads the options, and ends with an error where the memory or the files grew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=200, help="at least 20")
    parser.add_argument("--megabytes", type=float, default=150.0, help="by which the memory may grow after a third")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="musiclib-soak-") as folder:
        before, after, files = run(folder, options.requests)
    print(f"after a third {before / 1e6:.0f} MB were held, at the end {after / 1e6:.0f} MB")
    if after - before > options.megabytes * 1e6 or files > _FILES:
        raise SystemExit("that is too much growth")


if __name__ == "__main__":
    main()
