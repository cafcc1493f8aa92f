"""The order of the rooms: a room imports only from those before it, no files import in a circle, none grows long."""

import ast
import os
import pathlib
import subprocess
import sys

import pytest

import musiclib

PACKAGE = pathlib.Path(musiclib.__file__).parent
ROOMS = ["_atomic", *musiclib.ROOMS]
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
ON_CALL = set("music21 symusic tensorflow keras_self_attention jax pooch IPython verovio typst gradio".split())


def module_of(path):
    """The dotted name of a file's module."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path) for path in FILES}


def room_of(module):
    return module.split(".")[1]


def imports(tree):
    """Every import as (node, dotted name with the name that is taken from it)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the room"
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def imported_modules(path):
    """The modules of musiclib that a file imports: `from musiclib.score import meter` is a file, `... Score` a room."""
    for node, name in imports(ast.parse(path.read_text(encoding="utf-8"))):
        if name.split(".")[0] == "musiclib":
            while name not in MODULES and "." in name:
                name = name.rpartition(".")[0]
            if name in MODULES:
                yield node, name


def test_every_file_is_in_a_room_and_the_list_of_rooms_is_short():
    assert {room_of(module) for module in MODULES} == set(ROOMS)
    assert len([path for path in PACKAGE.iterdir() if path.name != "__pycache__"]) <= 19


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_a_file_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 300


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_a_room_imports_only_from_those_before_it(path):
    own = room_of(module_of(path))
    for node, module in imported_modules(path):
        other = room_of(module)
        assert ROOMS.index(other) <= ROOMS.index(own), f"{path}:{node.lineno} imports {module}, which comes after {own}"
        inside = f"musiclib.{own}"
        assert module != inside or path.name == "__init__.py", f"{path}:{node.lineno} imports its own room as a whole"


def test_no_files_import_in_a_circle():
    # A room as a whole stands for its __init__, which imports the room's files and is imported by none of them.
    needs = {module_of(path): {module for _, module in imported_modules(path)} for path in FILES}
    done = set()
    while len(done) < len(needs):
        free = {module for module, others in needs.items() if module not in done and others <= done | {module}}
        circle = sorted(set(needs) - done)
        assert free, f"these import in a circle: {circle}"
        done |= free


def test_only_presets_are_looked_up_in_a_later_room():
    """By name, at the call: ``config.preset``, whose presets stand beside their networks."""
    found = [module_of(path) for path in FILES if "import_module(" in path.read_text(encoding="utf-8")]
    # The others load packages that may be missing, and files of their own room.
    assert found == ["musiclib.audio.recordings", "musiclib.config", "musiclib.dataset"]


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_heavy_packages_are_imported_only_where_they_are_called(path):
    """At the top of no file (type hints aside), and music21 in the rooms that read, list and write music."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.Lambda))
        or (isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node, name in imports(tree):
        top = name.partition(".")[0]
        assert top not in ON_CALL or node in inside, f"{path.name}:{node.lineno} imports {top} at its top"
        if top == "music21":
            assert room_of(module_of(path)) in ("readers", "writers", "corpus")


def loaded(statement, names):
    """Which of some packages an import brings along, in a fresh process."""
    code = f"import sys; {statement}; print([name for name in {names!r} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout)


def test_importing_the_package_brings_nothing_along():
    heavy = ["tensorflow", "keras", "music21", "jax", "numpy", "matplotlib", "musiclib.score"]
    assert loaded("import musiclib", heavy) == []


def test_reading_and_encoding_need_no_network_library():
    heavy = ["tensorflow", "keras", "music21", "jax"]
    assert loaded("from musiclib import config, score, readers, corpus, encodings, dataset", heavy) == []


def test_each_room_is_loaded_on_first_use():
    statement = "import musiclib; musiclib.encodings.NoteChord()"
    assert loaded(statement, ["musiclib.encodings", "musiclib.models"]) == ["musiclib.encodings"]


@pytest.mark.parametrize("name", sorted(musiclib._MOVED))
def test_a_module_that_moved_says_where_it_went(name):
    room, _, names = musiclib._MOVED[name].partition(" (")
    target = f"musiclib.{room}"
    assert importlib_finds(target, [taken for taken in names.rstrip(")").split(", ") if taken] or [])
    for statement in (f"import musiclib.{name}", f"from musiclib import {name}", f"from musiclib.{name} import x"):
        with pytest.raises(ImportError, match=f"musiclib.{name} moved in version 0.2: import it from {target}"):
            exec(statement)


def importlib_finds(target, names):
    __import__(target)
    return all(hasattr(sys.modules[target], name) for name in names)
