"""Versions: the commit of a checkout, with and without git."""

import shutil
import subprocess

import keras
import pytest

import musiclib
from musiclib import versions

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with a file where the package would be, and one commit."""
    package = tmp_path / "repository" / "musiclib"
    package.mkdir(parents=True)
    (package / "versions.py").write_text("1\n")

    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        command = ["git", "-C", str(package.parent), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "first")
    monkeypatch.setattr(versions, "_PACKAGE", package)
    monkeypatch.setattr(versions, "__file__", str(package / "versions.py"))
    return package, git


@needs_git
def test_the_commit_is_named_and_marked_where_the_source_has_changed(checkout):
    package, git = checkout
    commit = git("rev-parse", "HEAD")
    assert versions.commit() == commit and len(commit) == 40
    (package.parent / "notes.txt").write_text("not of the package")
    assert versions.commit() == commit
    (package / "other.py").write_text("new")
    assert versions.commit() == commit + "-dirty"
    (package / "other.py").unlink()
    (package / "versions.py").write_text("2\n")
    assert versions.commit() == commit + "-dirty"


@needs_git
def test_a_package_inside_of_another_repository_has_no_commit(checkout):
    _, git = checkout
    git("rm", "-q", "--cached", "musiclib/versions.py")  # as in a virtual environment: there, and not tracked
    assert versions.commit() is None


def test_without_a_checkout_or_without_git_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "_PACKAGE", tmp_path)
    monkeypatch.setattr(versions, "__file__", str(tmp_path / "versions.py"))
    assert versions.commit() is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert versions.commit() is None


def test_versions_name_the_libraries():
    found = versions.versions()
    assert found["musiclib"] == musiclib.__version__ and found["keras"] == keras.__version__
    assert keras.backend.backend() in found and "python" in found and "numpy" in found


def test_the_code_changes_with_a_network(tmp_path, monkeypatch):
    assert versions.code() == versions.code() and len(versions.code()) == 16
    before = versions.code()
    shutil.copytree(versions._PACKAGE, tmp_path / "musiclib")
    monkeypatch.setattr(versions, "_PACKAGE", tmp_path / "musiclib")
    assert versions.code() == before
    (tmp_path / "musiclib" / "plots.py").write_text("")
    assert versions.code() == before
    with (tmp_path / "musiclib" / "models" / "stacked_lstm.py").open("a") as file:
        file.write("# another\n")
    assert versions.code() != before
