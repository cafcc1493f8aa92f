"""The table of the measurements, as text, as Markdown and as JSON."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import pathlib
import platform

_HEADER = ("what", "against", "baseline", "ours", "ratio", "at least", "memory, baseline", "memory, ours")
_PACKAGES = ("tensorflow", "jax", "keras", "music21", "symusic", "numpy", "torch")


def about(files: int, data: str, repeats: int, quick: bool) -> dict:
    """Describes the machine, the versions and the run."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "data": data,
        "files": files,
        "repeats": repeats,
        "quick": quick,
        "load": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def number(value: float | None, suffix: str = "") -> str:
    """Writes a figure with three digits that count."""
    if value is None:
        return ""
    digits = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits}{suffix}"


def _cells(result: dict) -> tuple[str, ...]:
    what, against, unit = result["what"], result["against"], result["unit"]
    goal = number(result["at_least"], " ×") if result["at_least"] else ""
    if "reason" in result:
        return what, against, "", result["reason"], "", goal, "", ""
    baseline, ours = result.get("baseline"), result["ours"]
    return (
        what,
        against,
        number(baseline["median"], f" {unit}") if baseline else "",
        number(ours["median"], f" {unit}"),
        number(result.get("ratio"), " ×") if baseline else "",
        goal,
        number(baseline["memory"], " MB") if baseline else "",
        number(ours["memory"], " MB"),
    )


def _remarks(results: list[dict]) -> list[str]:
    remarks = []
    for result in results:
        sides = [("baseline", result.get("baseline")), ("ours", result.get("ours"))]
        said = [f"{name}: {side['remark']}" for name, side in sides if side and side["remark"]]
        if said:
            remarks.append(f"{result['what']}: {'; '.join(said)}")
    return remarks


def _machine(about: dict) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return (
        f"{about['date']}, {about['processor']}, {about['cores']} cores, {about['memory_gb']} GB, {about['system']},"
        f" Python {about['python']}, {versions}; Keras on {about['backend']}; {about['files']} files of"
        f" {about['data']}; medians of {about['repeats']}; load {about['load']:g} at the end"
    )


def text(results: list[dict], about: dict) -> str:
    """Returns the table for a terminal."""
    rows = [_HEADER, *(_cells(result) for result in results)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", *_remarks(results), _machine(about)])


def markdown(results: list[dict], about: dict) -> str:
    """Returns the table for ``benchmarks/README.md``."""
    rows = [_HEADER, tuple("---" if i < 2 else "--:" for i in range(len(_HEADER))), *map(_cells, results)]
    remarks = [f"- {remark}" for remark in _remarks(results)]
    return "\n".join([*(f"| {' | '.join(row)} |" for row in rows), "", *remarks, "", _machine(about)])


def write(path: pathlib.Path, results: list[dict], about: dict) -> None:
    """Writes everything as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"about": about, "results": results}, indent=2) + "\n", encoding="utf-8")
