"""The layers of the design: a module imports only from below, and no heavy package comes along by itself."""

import ast
import os
import pathlib
import subprocess
import sys

import pytest

import musiclib

PACKAGE = pathlib.Path(musiclib.__file__).parent
LAYERS = [
    ["meter", "config", "files", "quiet"],
    ["score"],
    ["draft", "writers", "plots", "audio", "vocabulary", "pieces", "downloads", "bundled", "melodies", "checkpoint"],
    ["midi_file", "notation"],
    ["midi_music21", "midi_symusic"],
    ["readers", "encodings", "cache"],
    ["reading", "jsb", "pedal"],
    ["corpus"],
    ["dataset", "pairs", "windows", "models", "ngram"],
    ["pair_windows"],
    ["distribution", "feeding", "runs", "versions"],
    ["losses", "callbacks"],
    ["sampling", "training"],
    ["evaluation"],
]
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def module_of(path):
    """The module of a file as the layers name it: a file of a folder is that folder."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree):
    """Every imported name with its parents: `from musiclib import corpus` gives musiclib.corpus."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the layer"
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def test_every_module_has_a_layer():
    assert {module_of(path) for path in FILES} <= set(LAYER)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_layers_below(path):
    own = module_of(path)
    for node, name in imports(ast.parse(path.read_text(encoding="utf-8"))):
        top, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        within = own == other and (PACKAGE / own).is_dir()  # a folder is one module here, of several files
        if top != "musiclib" or other == "__version__" or within:
            continue
        assert LAYER[other] < LAYER[own], f"{path.name}:{node.lineno} imports {other}, which is not below {own}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_are_imported_only_where_they_are_called(path):
    """At the top of no module (type hints aside), and music21 in the modules that read, list and write music."""
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
        if top in ("music21", "symusic", "tensorflow", "keras_self_attention", "jax"):
            assert node in inside, f"{path.name}:{node.lineno} imports {top} at its top"
        if top == "music21":
            assert module_of(path) in ("readers", "notation", "midi_music21", "writers", "bundled")


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
    statement = "from musiclib import encodings, vocabulary, pieces, dataset, corpus, readers, config, ngram, melodies"
    assert loaded(statement, heavy) == []
