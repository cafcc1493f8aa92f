"""Versions: the commit of a checkout, with and without git."""

import shutil
import subprocess

import keras
import pytest

import musiclib
from musiclib import models
from musiclib.training import provenance

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with a file where the package would be, and one commit."""
    package = tmp_path / "repository" / "musiclib"
    package.mkdir(parents=True)
    (package / "provenance.py").write_text("1\n")

    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        command = ["git", "-C", str(package.parent), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "first")
    monkeypatch.setattr(provenance, "_PACKAGE", package)
    monkeypatch.setattr(provenance, "__file__", str(package / "provenance.py"))
    return package, git


@needs_git
def test_the_commit_is_named_and_marked_where_the_source_has_changed(checkout):
    package, git = checkout
    commit = git("rev-parse", "HEAD")
    assert provenance.commit() == commit and len(commit) == 40
    (package.parent / "notes.txt").write_text("not of the package")
    assert provenance.commit() == commit
    (package / "other.py").write_text("new")
    assert provenance.commit() == commit + "-dirty"
    (package / "other.py").unlink()
    (package / "provenance.py").write_text("2\n")
    assert provenance.commit() == commit + "-dirty"


@needs_git
def test_a_package_inside_of_another_repository_has_no_commit(checkout):
    _, git = checkout
    git("rm", "-q", "--cached", "musiclib/provenance.py")  # as in a virtual environment: there, and not tracked
    assert provenance.commit() is None


def test_without_a_checkout_or_without_git_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "_PACKAGE", tmp_path)
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "provenance.py"))
    assert provenance.commit() is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.commit() is None


def test_versions_name_the_libraries():
    found = provenance.versions()
    assert found["musiclib"] == musiclib.__version__ and found["keras"] == keras.__version__
    assert keras.backend.backend() in found and "python" in found and "numpy" in found


def test_the_code_changes_with_a_network(tmp_path, monkeypatch):
    builder = models.BUILDERS["stacked_lstm"]
    before = provenance.code(builder)
    assert before == provenance.code(builder) and len(before) == 16
    shutil.copytree(provenance._PACKAGE, tmp_path / "musiclib")
    monkeypatch.setattr(provenance, "_PACKAGE", tmp_path / "musiclib")
    assert provenance.code(builder) == before
    (tmp_path / "musiclib" / "plots" / "palette.py").write_text("")
    assert provenance.code(builder) == before
    with (tmp_path / "musiclib" / "models" / "stacked_lstm.py").open("a") as file:
        file.write("# another\n")
    assert provenance.code(builder) != before


def test_the_code_changes_with_a_builder_of_ones_own():
    cell = """
class Network:
    def call(self, ids):
        return ids * {factor}

def build(vocabulary_size):
    return Network()
"""
    builders = []
    for factor in (1, 1, 2):
        names = {"__name__": "__main__"}
        exec(cell.format(factor=factor), names)
        builders.append(names["build"])
    first, same, other = map(provenance.code, builders)
    assert first == same != other and first != provenance.code(models.BUILDERS["stacked_lstm"])


def test_a_pattern_that_matches_no_file_is_an_error(monkeypatch):
    monkeypatch.setattr(provenance, "_DECISIVE", ("models/*.py", "training/nothing.py"))
    with pytest.raises(
        FileNotFoundError, match=r"no file of musiclib matches 'training/nothing.py'; correct the pattern"
    ):
        provenance.code(models.BUILDERS["stacked_lstm"])
