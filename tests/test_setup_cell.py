"""The set-up cell of the notebooks finds a copy of the repository, or ends in one sentence that says what to do."""

import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading

import nbclient
import nbformat
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "02_train_lstm.ipynb"
FILES = ("musiclib/config.py", "requirements.txt")
# Keras and pip need not run: what is tested is before and between.
FAKES = """
import importlib, importlib.util, os, subprocess, sys
importlib.import_module = lambda name: print("imported", name)
run = subprocess.run
def pretend(command, *given, **options):
    if command[0] == sys.executable:
        print("pip")
        return subprocess.CompletedProcess(command, int(os.environ.get("PIP_FAILS", "0")))
    return run(command, *given, **options)
subprocess.run = pretend
"""


def setup_cell():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return "".join(next(cell for cell in cells if cell["cell_type"] == "code")["source"])


def copy_to(folder, files=FILES):
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    return folder


def repository(folder, files=FILES):
    """A Git repository with these files."""
    copy_to(folder, files)
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", folder, *command], check=True, env={**os.environ, "HOME": str(folder)})
    return folder


@pytest.fixture
def run(tmp_path):
    """Runs the cell as a program in a folder; returns its end, whose error stream ends in the message."""
    place = tmp_path / "place"
    place.mkdir()

    def run_cell(before="", **variables):
        program = FAKES + before + setup_cell() + '\nprint("root", root, os.getcwd(), sys.path[0])\n'
        environment = {name: value for name, value in os.environ.items() if name not in ("MUSICLIB_REPO", "PYTHONPATH")}
        return subprocess.run(
            [sys.executable, "-c", program], cwd=place, env={**environment, **variables}, capture_output=True, text=True
        )

    run_cell.place = place
    return run_cell


def refused(ended, *remedies):
    """Whether it ended in one line, and that is the sentence."""
    assert ended.returncode == 1, ended
    (line,) = ended.stderr.strip().splitlines()
    for remedy in remedies:
        assert remedy in line
    return line


@pytest.mark.parametrize("name", [".", "musiclib", "musiclib-main", "keras-musiclib", "musiclib-main/musiclib-main"])
def test_a_copy_is_found_beside_the_notebook_by_any_usual_name(name, run):
    copy = copy_to(run.place / name)
    ended = run()
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == f"root {copy.resolve()} {copy.resolve()} {copy.resolve()}"


def test_a_copy_is_found_above_the_notebook(run):
    copy_to(run.place.parent)
    assert f"root {run.place.parent}" in run().stdout


def test_without_a_copy_and_an_address_both_ways_are_said(run):
    refused(run(), "put the repository's address into MUSICLIB_REPO", "as a ZIP, and unpack it beside this notebook")


def test_an_address_is_cloned_and_found_again(run, tmp_path):
    address = str(repository(tmp_path / "origin"))
    for _ in range(2):
        ended = run(MUSICLIB_REPO=address)
        assert ended.returncode == 0, ended.stderr
        assert f"root {run.place / 'musiclib'}" in ended.stdout


def test_a_wrong_address_is_named(run, tmp_path):
    line = refused(run(MUSICLIB_REPO=str(tmp_path / "nowhere")), "check the address and the network", "as a ZIP")
    assert str(tmp_path / "nowhere") in line and "does not exist" in line
    assert not (run.place / "musiclib").exists()


def test_an_address_that_asks_for_a_password_does_not_wait(run):
    """GitHub asks for one at every wrong address; Git would ask on a terminal that nobody sees."""

    class Asking(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="here"')
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Asking) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        ended = run(MUSICLIB_REPO=f"http://127.0.0.1:{server.server_port}/user/musiclib")
        server.shutdown()
    refused(ended, "check the address and the network", "terminal prompts disabled")


def test_another_repository_is_told(run, tmp_path):
    address = str(repository(tmp_path / "origin", ["readme.txt"]))
    refused(
        run(MUSICLIB_REPO=address), "is not a repository of musiclib: correct the address, and delete", str(run.place)
    )


@pytest.mark.parametrize("files", [[".git/HEAD"], ["musiclib/config.py"], ["notes.txt"]], ids=str)
@pytest.mark.parametrize("address", ["", "https://example.org/musiclib"])
def test_half_a_copy_and_another_folder_of_that_name_are_told(files, address, run):
    copy_to(run.place / "musiclib", files)
    ended = run(MUSICLIB_REPO=address)
    refused(ended, f"{run.place / 'musiclib'} is not a full copy of musiclib: delete or rename this folder")


def test_without_git_the_other_way_is_said(run, tmp_path):
    refused(run(MUSICLIB_REPO="https://example.org/musiclib", PATH=str(tmp_path)), "git is not installed", "as a ZIP")


def test_where_pip_fails_the_network_is_named(run):
    copy_to(run.place)
    missing = "importlib.util.find_spec = lambda name: None\n"
    refused(run(missing, PIP_FAILS="1"), "pip could not install what is missing", "check the network")


def test_an_old_python_is_told(run):
    refused(run("sys.version_info = (3, 9, 1)\n"), "needs Python 3.11 or newer, and this is 3.9: choose another kernel")


def test_in_a_notebook_the_sentence_stands_without_a_traceback(tmp_path, monkeypatch):
    monkeypatch.delenv("MUSICLIB_REPO", raising=False)
    shutil.copy(NOTEBOOK, tmp_path)
    notebook = nbformat.read(tmp_path / NOTEBOOK.name, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}})
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="no full copy of musiclib here"):
        client.execute()
    executed = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.outputs]
    assert len(executed) == 1  # the other cells do not run
    (error,) = [output for output in executed[0].outputs if output.output_type == "error"]
    assert error.ename == "SystemExit" and len(error.traceback) <= 2
    assert not any("To exit" in output.get("text", "") for output in executed[0].outputs)
