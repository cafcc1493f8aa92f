"""Quiet: TensorFlow starts without its greeting, which nobody can act on; all else that it says is passed on.

``import musiclib`` calls ``tensorflow`` and thereby imports nothing. It helps where musiclib is imported before Keras
and TensorFlow are. ``TF_CPP_MIN_LOG_LEVEL`` in the environment, where it is set, stays as it is; what fails is raised
in Python on every level of it.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import os
import re
import sys
import tempfile
from collections.abc import Iterator

# What TensorFlow logs while it is imported, before its level holds: a line with a letter and a date, or with a date
# and a letter, and what belongs to these.
_GREETING = re.compile(
    rb"[IWE]\d{4} |\d{4}-\d\d-\d\d [\d:.]+: [IWE] |WARNING: All log messages before absl|To enable the following instr"
)


def tensorflow() -> None:
    """Lets TensorFlow be imported quietly, by whoever does it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    """Finds TensorFlow as the others do, and lets it be executed quietly."""

    def find_spec(self, name, path=None, target=None):
        if name != "tensorflow":
            return None
        found = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, found), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def quietly(module):
                with contextlib.suppress(ValueError):
                    sys.meta_path.remove(self)
                with _without_greeting():
                    execute(module)

            spec.loader.exec_module = quietly
        return spec


@contextlib.contextmanager
def _without_greeting() -> Iterator[None]:
    """Holds back what is written to the error stream, also by C++, and passes on what is no greeting."""
    with contextlib.ExitStack() as stack:
        try:
            held = stack.enter_context(tempfile.TemporaryFile())
            errors = os.dup(2)
        except OSError:  # a program without an error stream, or a disk without room: then as it is
            yield
            return
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(errors, 2)
            os.close(errors)
            held.seek(0)
            for line in held:
                if not _GREETING.match(line):
                    sys.stderr.write(line.decode(errors="replace"))
