"""Notebook: calls functions of the package, and writes down each call as a line that a notebook can run."""

from __future__ import annotations

import functools
import threading

import musiclib
from musiclib import config, training

_WIDTH = 100  # of a line
_lock = threading.Lock()


class Notebook:
    """Values by name, and the lines that made them; an argument that is such a value is written by its name.

    ``made`` is what the last call returned.
    """

    def __init__(self) -> None:
        self._lines, self._values, self._rooms, self.made = [], {}, {"plots"}, None

    def call(self, name: str, function: str, *arguments, pick: int | None = None, **options):
        """Calls a function of a room (``sampling.generate``) or a method of a value (``tune.slice``).

        Args:
            name: of the result.
            function: the room or the value, and the function's name.
            *arguments: values of this notebook, or what ``repr`` can write.
            pick: takes one element of the result.
            **options: arguments by name; those that are None are left out.
        """
        owner, *path = function.split(".")
        if owner not in self._values:
            self._rooms.add(owner)
        found = self._values[owner] if owner in self._values else getattr(musiclib, owner)
        options = {key: value for key, value in options.items() if value is not None}
        value = self.made = functools.reduce(getattr, path, found)(*arguments, **options)
        texts = [*map(self._text, arguments), *(f"{key}={self._text(option)}" for key, option in options.items())]
        suffix = ")" if pick is None else f")[{pick}]"
        line = f"{name} = {function}({', '.join(texts)}{suffix}"
        if len(line) > _WIDTH:
            line = f"{name} = {function}(\n" + "".join(f"    {text},\n" for text in texts) + suffix
        return self.set(name, value if pick is None else value[pick], line)

    def run(self, shipped: str) -> training.Run:
        """Loads a run, once for all notebooks."""
        line = f"run = training.load_run(config.find_run({shipped!r}))"
        return self.set("run", load_run(shipped), line, "config", "training")

    def set(self, name: str, value, line: str, *rooms: str):
        """Keeps a value by its name, with the line that makes it and the rooms that the line needs."""
        self._rooms.update(rooms)
        self._values[name] = value
        self._lines.append(line)
        return value

    @property
    def rooms(self) -> tuple[str, ...]:
        """Rooms of the package that the lines need."""
        return tuple(sorted(self._rooms))

    @property
    def lines(self) -> str:
        """The lines, without imports."""
        return "\n".join(self._lines)

    def text(self, name: str) -> str:
        """Returns the lines, as a cell that ends with a player of the value."""
        return f"from musiclib import {', '.join(self.rooms)}\n\n{self.lines}\nplots.follow({name})"

    def _text(self, value) -> str:
        return next((name for name, known in self._values.items() if known is value), repr(value))


def load_run(shipped: str) -> training.Run:
    """Returns your own run of this name, or else the shipped one; each is loaded once."""
    with _lock:
        return _load(shipped)


_load = functools.cache(lambda name: training.load_run(config.find_run(name)))
