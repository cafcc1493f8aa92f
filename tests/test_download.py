"""Downloads: checked, whole or not there, and unpacked inside their folder; from a server on this machine."""

import hashlib
import http.server
import importlib
import os
import pathlib
import subprocess
import sys
import threading
import zipfile

import pytest
import requests

from musiclib.corpus import download

ROOT = pathlib.Path(download.__file__).parents[2]


class _Server(http.server.BaseHTTPRequestHandler):
    """Gives its content, or breaks off after so many bytes the first time, or falls silent there, or has an error."""

    content, breaks_after, waits, error, tells_size, asked = bytes(range(256)) * 400, 0, None, 0, True, []

    def do_GET(self):
        self.asked.append((self.path, self.headers.get("Range")))
        if self.error:
            self.send_error(self.error)
            return
        self.send_response(200)
        if self.tells_size:
            self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        stop, type(self).breaks_after = self.breaks_after or len(self.content), 0
        self.wfile.write(self.content[:stop])
        if self.waits:
            self.waits.wait(30)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    """The server, the address of its file and the file's checksum."""
    handler = type("Handler", (_Server,), {"asked": []})
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
    yield handler, f"http://127.0.0.1:{running.server_port}/file.zip", hashlib.sha256(handler.content).hexdigest()
    if handler.waits:
        handler.waits.set()
    running.shutdown()
    running.server_close()


def held(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def fails(url, digest, path, kind=ConnectionError):
    """Fetches what cannot be fetched; returns the one sentence that says why."""
    with pytest.raises(OSError) as error:
        download.fetch(url, digest, path)
    message = str(error.value)
    assert type(error.value) is kind
    assert message.startswith(f"cannot download {url} (") and "\n" not in message
    assert message.endswith(f"check the network, or put the file at {path} yourself")
    return message


@pytest.mark.parametrize("checked", [True, False])
def test_fetch_brings_the_file(server, tmp_path, checked):
    handler, url, digest = server
    target = tmp_path / "new" / "folder" / "file.bin"
    assert download.fetch(url, digest if checked else None, target) == target
    assert target.read_bytes() == handler.content
    assert held(tmp_path / "new") == ["folder", "folder/file.bin"]


def test_whoever_may_enter_the_folder_may_read_the_file(server, tmp_path):
    _, url, digest = server
    assert download.fetch(url, digest, tmp_path / "file.bin").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("checked", [True, False])
def test_a_second_fetch_downloads_nothing(server, tmp_path, checked):
    handler, url, digest = server
    for _ in range(2):
        path = download.fetch(url, digest if checked else None, str(tmp_path / "file.bin"))
        assert path == tmp_path / "file.bin" and path.read_bytes() == handler.content
    assert len(handler.asked) == 1


def test_a_file_that_somebody_put_there_is_taken(server, tmp_path):
    handler, url, digest = server
    (tmp_path / "file.bin").write_bytes(handler.content)
    download.fetch(url, digest, tmp_path / "file.bin")
    (tmp_path / "other.bin").write_bytes(b"of no known checksum")
    assert download.fetch(url, None, tmp_path / "other.bin").read_bytes() == b"of no known checksum"
    assert handler.asked == []


def test_a_path_in_the_home_folder(server, tmp_path, monkeypatch):
    _, url, digest = server
    monkeypatch.setenv("HOME", str(tmp_path))
    assert download.fetch(url, digest, "~/file.bin") == tmp_path / "file.bin"
    assert (tmp_path / "file.bin").is_file()


def test_a_server_that_does_not_tell_the_size(server, tmp_path):
    handler, url, digest = server
    handler.tells_size = False
    assert download.fetch(url, digest, tmp_path / "file.bin").read_bytes() == handler.content


def test_a_wrong_checksum_leaves_nothing_behind(server, tmp_path):
    _, url, digest = server
    wrong = "0" * 64
    with pytest.raises(ValueError) as error:
        download.fetch(url, wrong, tmp_path / "new" / "file.bin")
    for text in (url, digest, wrong, "try again later"):
        assert text in str(error.value)
    assert ". " not in str(error.value)  # one sentence
    assert held(tmp_path / "new") == []


def test_a_damaged_copy_is_replaced_by_a_whole_one_and_by_nothing_else(server, tmp_path):
    handler, url, digest = server
    (tmp_path / "file.bin").write_bytes(b"half a file")
    handler.breaks_after = 50_000
    fails(url, digest, tmp_path / "file.bin")
    with pytest.raises(ValueError):
        download.fetch(url, "0" * 64, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == b"half a file"
    download.fetch(url, digest, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == handler.content
    assert held(tmp_path) == ["file.bin"]


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("after", [1, 4000, 102_399])
def test_a_download_that_broke_off_begins_again(server, tmp_path, checked, after):
    handler, url, digest = server
    handler.breaks_after = after
    path, digest = tmp_path / "file.zip", digest if checked else None
    assert f"{after} bytes read" in fails(url, digest, path)
    assert held(tmp_path) == []
    assert download.fetch(url, digest, path).read_bytes() == handler.content
    assert handler.asked == [("/file.zip", None)] * 2  # all of it, twice
    assert held(tmp_path) == ["file.zip"]


@pytest.mark.parametrize("code", [404, 416, 500])
def test_an_error_of_the_server_is_no_file(server, tmp_path, code):
    handler, url, _ = server
    handler.error = code
    assert str(code) in fails(url, None, tmp_path / "file.zip")
    assert held(tmp_path) == []


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/file.zip", "file:///file.zip", "file.zip"])
def test_an_address_that_does_not_answer(tmp_path, address):
    fails(address, "0" * 64, tmp_path / "new" / "file.bin")
    assert held(tmp_path / "new") == []


def test_a_server_that_falls_silent(server, tmp_path, monkeypatch):
    handler, url, digest = server
    handler.breaks_after, handler.waits = 4000, threading.Event()
    get, waited = requests.get, []

    def impatient(url, timeout, **options):
        waited.append(timeout)
        return get(url, timeout=0.2, **options)

    monkeypatch.setattr(requests, "get", impatient)
    assert "timed out" in fails(url, digest, tmp_path / "file.zip")
    assert waited == [60] and held(tmp_path) == []


def test_a_folder_that_nobody_may_write_into(server, read_only):
    _, url, digest = server
    importlib.import_module("pooch"), importlib.import_module("tqdm.auto")  # as long as it may read them
    folder = read_only(read_only.folder)
    for path in (folder / "file.bin", folder / "new" / "file.bin"):
        assert "Permission denied" in fails(url, digest, path, OSError)
    assert held(folder) == []


def test_a_folder_in_the_place_of_the_file(server, tmp_path):
    _, url, digest = server
    (tmp_path / "file.bin").mkdir()
    fails(url, digest, tmp_path / "file.bin", OSError)
    assert held(tmp_path) == ["file.bin"]


def test_a_full_disk(server, tmp_path, monkeypatch):
    _, url, digest = server

    def full(self, *arguments, **options):
        yield b"some of it"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(requests.Response, "iter_content", full)
    assert "No space left on device" in fails(url, digest, tmp_path / "file.bin", OSError)
    assert held(tmp_path) == []


def test_ctrl_c_leaves_nothing_behind(server, tmp_path, monkeypatch):
    _, url, digest = server
    written = []

    def stopped(self, *arguments, **options):
        yield b"some of it"
        written.extend(path.stat().st_size for path in tmp_path.iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr(requests.Response, "iter_content", stopped)
    with pytest.raises(KeyboardInterrupt):
        download.fetch(url, digest, tmp_path / "file.bin")
    assert written == [10] and held(tmp_path) == []


def run(code):
    """Runs code in a fresh process, where pooch has said nothing yet."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("checked", [True, False])
def test_a_bar_shows_how_much_has_come_and_nothing_else_is_said(server, tmp_path, checked):
    _, url, digest = server
    call = f"download.fetch({url!r}, {digest if checked else None!r}, {str(tmp_path / 'file.bin')!r})"
    done = run(f"from musiclib.corpus import download\nfor _ in range(2): {call}")
    lines = done.stderr.strip().splitlines()  # the states of one bar, since a carriage return is a line's end here
    assert lines[-1].startswith("downloading file.bin: 100%") and "102k/102k" in lines[-1]
    assert all(line.startswith("downloading file.bin: ") for line in lines) and done.stdout == ""
    assert sum("100%" in line for line in lines) == 1  # the second time there is no bar


def test_what_it_needs_is_imported_only_where_it_is_called():
    heavy = ["pooch", "requests"]
    done = run(
        f"import sys; from musiclib.corpus import download; print([name for name in {heavy} if name in sys.modules])"
    )
    assert done.stdout == "[]\n"


def archive(path, **files):
    with zipfile.ZipFile(path, "w") as file:
        for name, text in files.items():
            file.writestr(name, text)
    return path


def test_unpack(tmp_path):
    path = archive(tmp_path / "a.zip", **{"one.txt": "1", "in/side..txt": "2"})
    folder = download.unpack(path, str(tmp_path / "deep" / "out"))
    assert folder == tmp_path / "deep" / "out"
    assert (folder / "one.txt").read_text() == "1" and (folder / "in" / "side..txt").read_text() == "2"
    assert held(folder.parent) == ["out", "out/in", "out/in/side..txt", "out/one.txt"]


def test_whoever_may_read_the_place_may_read_what_was_unpacked(tmp_path):
    (tmp_path / "other").mkdir()
    folder = download.unpack(archive(tmp_path / "a.zip", one="1"), tmp_path / "out")
    assert folder.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_unpack_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert download.unpack(archive(tmp_path / "a.zip", one="1"), "~/out") == tmp_path / "out"
    assert held(tmp_path) == ["a.zip", "out", "out/one"]


def test_what_was_unpacked_is_not_unpacked_again(tmp_path):
    path = archive(tmp_path / "a.zip", **{"one.txt": "1"})
    download.unpack(path, tmp_path / "out")
    path.unlink()
    assert (download.unpack(path, tmp_path / "out") / "one.txt").is_file()


def test_an_interrupted_unpacking_leaves_nothing_behind_and_is_done_again(tmp_path, monkeypatch):
    path = archive(tmp_path / "a.zip", **{"one.txt": "1", "two.txt": "2"})
    extract, done = zipfile.ZipFile._extract_member, []

    def stopped(self, member, *arguments):
        if done:
            raise KeyboardInterrupt
        done.append(extract(self, member, *arguments))

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(zipfile.ZipFile, "_extract_member", stopped)
        download.unpack(path, tmp_path / "out")
    assert pathlib.Path(done[0]).name == "one.txt" and held(tmp_path) == ["a.zip"]
    assert held(download.unpack(path, tmp_path / "out")) == ["one.txt", "two.txt"]


def test_a_damaged_archive_leaves_nothing_behind(tmp_path):
    path = archive(tmp_path / "a.zip", **{"one.txt": "one", "two.txt": "two"})
    path.write_bytes(path.read_bytes().replace(b"two", b"TWO", 2))
    for content in (path.read_bytes(), b"no archive"):
        path.write_bytes(content)
        with pytest.raises(zipfile.BadZipFile):
            download.unpack(path, tmp_path / "out")
        assert held(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("name", ["../evil.txt", "a/../../evil.txt", "/evil.txt", "../../../../evil.txt"])
def test_an_archive_that_climbs_out_stays_inside(name, tmp_path):
    path = archive(tmp_path / "a.zip", **{"good.txt": "1", name: "2"})
    folder = download.unpack(path, tmp_path / "in" / "out")
    found = [file.relative_to(folder).name for file in tmp_path.rglob("*.txt")]  # raises if it is not inside
    assert sorted(found) == ["evil.txt", "good.txt"]
    assert not pathlib.Path("/evil.txt").exists()
