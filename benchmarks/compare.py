"""Runs the textbook's recipes and musiclib side by side, and prints the table.

    python -m benchmarks.compare [--data FOLDER] [--only ROW,...] [--repeats N] [--quick] [--markdown]

Baseline and rows of a comparison take turns, so that what else the machine does meets both;
the figures are medians. Everything is also written to ``outputs/benchmarks.json``.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from benchmarks import evaluating, generation, gpu, memory, music, pytorch, reading, report, training
from benchmarks.measure import Comparison, Row, Setting
from musiclib import config

COMPARISONS = (
    *reading.COMPARISONS,
    *memory.COMPARISONS,
    *training.COMPARISONS,
    *generation.COMPARISONS,
    *evaluating.COMPARISONS,
    *pytorch.COMPARISONS,
    *gpu.COMPARISONS,
)


class Failed(Exception):
    """A side that ended without a figure; the message says why."""


def find(name: str) -> tuple[Comparison, Row]:
    """Returns a row by name, with its comparison.

    Raises:
        ValueError: at an unknown name; the message lists those there are.
    """
    rows = {row.name: (comparison, row) for comparison in COMPARISONS for row in comparison.rows}
    if name not in rows:
        raise ValueError(f"no row {name!r}; there are {', '.join(rows)}")
    return rows[name]


class Side:
    """A process that measures one side."""

    def __init__(self, row: Row, side: str, setting: Setting, on_gpu: bool) -> None:
        environment = {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ}
        if not on_gpu:
            environment |= {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
        command = [sys.executable, "-m", "benchmarks.worker", row.name, side, json.dumps(dataclasses.asdict(setting))]
        root = pathlib.Path(__file__).resolve().parents[1]
        environment["PYTHONPATH"] = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True, env=environment
        )
        self.figures: list[dict] = []
        try:
            self._answer()
        except Failed:
            self.close()
            raise

    def _answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.errors.seek(0)
            said = self.errors.read().strip().splitlines() or [f"it ended with {self.process.returncode}"]
            raise Failed(f"failed: {said[-1][:300]}")
        answer = json.loads(line)
        if "unavailable" in answer:
            raise Failed(answer["unavailable"])
        return answer

    def measure(self) -> None:
        """Measures once."""
        print("go", file=self.process.stdin, flush=True)
        self.figures.append(self._answer())

    def summary(self) -> dict:
        """Returns the median figure, the most memory, the last remark and every figure."""
        values = [figure["value"] for figure in self.figures]
        return {
            "median": statistics.median(values),
            "values": values,
            "memory": max(figure["memory"] for figure in self.figures),
            "remark": self.figures[-1]["remark"],
        }

    def close(self) -> None:
        """Ends the process."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def compare(comparison: Comparison, rows: Sequence[Row], setting: Setting, repeats: int) -> list[dict]:
    """Measures some rows of a comparison, taking turns with its baseline, and returns one result a row."""
    repeats = 1 if comparison.once else repeats
    results = [
        {"name": row.name, "what": row.what, "against": comparison.against, "unit": comparison.unit,
         "at_least": row.at_least}
        for row in rows
    ]  # fmt: skip
    with contextlib.ExitStack() as stack:

        def start(row: Row, side: str) -> Side:
            return stack.enter_context(contextlib.closing(Side(row, side, setting, comparison.on_gpu)))

        baseline, sides = None, {}
        try:
            if comparison.baseline:
                baseline = start(rows[0], "baseline")
            for row, result in zip(rows, results, strict=True):
                with _noted(result):
                    sides[row.name] = start(row, "ours")
            for _ in range(repeats if sides else 0):
                if baseline:
                    baseline.measure()
                for result in results:
                    if "reason" not in result:
                        with _noted(result):
                            sides[result["name"]].measure()
        except Failed as error:  # the baseline's: without it, no row has its ratio
            return [{**result, "reason": str(error)} for result in results]
        for result in results:
            if "reason" in result:
                continue
            result["ours"] = sides[result["name"]].summary()
            if baseline:
                result["baseline"] = baseline.summary()
                result["ratio"] = comparison.ratio(result["baseline"]["median"], result["ours"]["median"])
    return results


@contextlib.contextmanager
def _noted(result: dict):
    """Notes in a result why its side failed, and goes on with the others."""
    try:
        yield
    except Failed as error:
        result["reason"] = str(error)


def main(arguments: Sequence[str] | None = None) -> list[dict]:
    """Runs what the command line asks for, prints the table, and returns the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="a folder of MIDI files (default: the tutorials' 92, or chorales)")
    parser.add_argument("--only", help="measure these rows alone, for example generate_one,windows_memory")
    parser.add_argument("--repeats", type=int, default=3, help="measurements of each side (default: 3)")
    parser.add_argument("--quick", action="store_true", help="train on an eighth of the pieces; the table says so")
    parser.add_argument("--markdown", action="store_true", help="print the table of benchmarks/README.md")
    options = parser.parse_args(arguments)
    if options.repeats < 1:
        parser.error(f"--repeats must be at least 1, got {options.repeats}")
    names = [row.name for comparison in COMPARISONS for row in comparison.rows]
    chosen = options.only.split(",") if options.only else names
    if unknown := [name for name in chosen if name not in names]:
        parser.error(f"no row {', '.join(unknown)}; there are {', '.join(names)}")
    with tempfile.TemporaryDirectory() as scratch:
        data = options.data or (music.TUTORIAL_FILES if music.TUTORIAL_FILES.is_dir() else None)
        data = pathlib.Path(data or music.chorales(pathlib.Path(scratch) / "chorales")).resolve()
        if not data.is_dir():
            parser.error(f"no folder {data}")
        setting = Setting(str(data), scratch, options.quick)
        results = []
        for comparison in COMPARISONS:
            if rows := [row for row in comparison.rows if row.name in chosen]:
                print(f"measuring {', '.join(row.name for row in rows)}", file=sys.stderr, flush=True)
                results += compare(comparison, rows, setting, options.repeats)
        about = report.about(len(music.files(setting)), data.name, options.repeats, options.quick)
    print(report.markdown(results, about) if options.markdown else report.text(results, about))
    report.write(config.folders().outputs / "benchmarks.json", results, about)
    return results


if __name__ == "__main__":
    main()
