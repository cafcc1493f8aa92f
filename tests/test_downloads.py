"""Downloads: checked, whole or not there, and unpacked inside their folder; without a network."""

import hashlib
import http.server
import threading
import zipfile

import pytest

from musiclib.corpus import download


@pytest.fixture
def source(tmp_path):
    """A file to download, its address and its checksum."""
    path = tmp_path / "server" / "file.bin"
    path.parent.mkdir()
    path.write_bytes(bytes(range(256)) * 10_000)
    return path, path.as_uri(), hashlib.sha256(path.read_bytes()).hexdigest()


def test_fetch_brings_the_file(source, tmp_path):
    path, url, digest = source
    target = tmp_path / "new" / "folder" / "file.bin"
    assert download.fetch(url, digest, target) == target
    assert target.read_bytes() == path.read_bytes()
    assert [p.name for p in target.parent.iterdir()] == ["file.bin"]


def test_a_second_fetch_downloads_nothing(source, tmp_path):
    path, url, digest = source
    download.fetch(url, digest, tmp_path / "file.bin")
    path.unlink()  # the server is gone
    assert download.fetch(url, digest, str(tmp_path / "file.bin")).is_file()


def test_a_wrong_checksum_leaves_nothing_behind(source, tmp_path):
    _, url, digest = source
    wrong = "0" * 64
    with pytest.raises(ValueError) as error:
        download.fetch(url, wrong, tmp_path / "new" / "file.bin")
    for text in (url, digest, wrong):
        assert text in str(error.value)
    assert list((tmp_path / "new").iterdir()) == []


def test_a_damaged_copy_is_replaced(source, tmp_path):
    path, url, digest = source
    (tmp_path / "file.bin").write_bytes(b"half a file")
    (tmp_path / "file.bin.partial").write_bytes(b"the rest of an interrupted download")
    download.fetch(url, digest, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == path.read_bytes()
    assert not (tmp_path / "file.bin.partial").exists()


def test_an_address_that_does_not_answer_is_named_with_the_way_out(tmp_path):
    url = (tmp_path / "nothing").as_uri()
    with pytest.raises(ConnectionError) as error:
        download.fetch(url, "0" * 64, tmp_path / "new" / "file.bin")
    assert url in str(error.value) and str(tmp_path / "new" / "file.bin") in str(error.value)
    assert list((tmp_path / "new").iterdir()) == []


def archive(path, **files):
    with zipfile.ZipFile(path, "w") as file:
        for name, text in files.items():
            file.writestr(name, text)
    return path


def test_unpack(tmp_path):
    path = archive(tmp_path / "a.zip", **{"one.txt": "1", "in/side.txt": "2"})
    folder = download.unpack(path, tmp_path / "deep" / "out")
    assert folder == tmp_path / "deep" / "out"
    assert (folder / "one.txt").read_text() == "1" and (folder / "in" / "side.txt").read_text() == "2"
    assert [p.name for p in folder.parent.iterdir()] == ["out"]


def test_what_was_unpacked_is_not_unpacked_again(tmp_path):
    path = archive(tmp_path / "a.zip", **{"one.txt": "1"})
    download.unpack(path, tmp_path / "out")
    path.unlink()
    assert (download.unpack(path, tmp_path / "out") / "one.txt").is_file()


def test_an_interrupted_unpacking_is_done_again(tmp_path):
    path = archive(tmp_path / "a.zip", **{"one.txt": "1"})
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / "stale.txt").write_text("old")
    folder = download.unpack(path, tmp_path / "out")
    assert [p.name for p in folder.iterdir()] == ["one.txt"]


@pytest.mark.parametrize("name", ["../evil.txt", "a/../../evil.txt", "/evil.txt"])
def test_an_archive_that_climbs_out_is_refused(name, tmp_path):
    path = archive(tmp_path / "a.zip", **{"good.txt": "1", name: "2"})
    with pytest.raises(ValueError) as error:
        download.unpack(path, tmp_path / "in" / "out")
    assert repr(name) in str(error.value) and str(path) in str(error.value)
    assert not (tmp_path / "in" / "out").exists()
    assert list(tmp_path.rglob("*.txt")) == []


class _Server(http.server.BaseHTTPRequestHandler):
    """Gives parts where it is asked for them, and breaks off after so many bytes the first time."""

    content, breaks_after, gives_parts, asked = b"", 0, True, []

    def do_GET(self):
        span = self.headers.get("Range")
        type(self).asked.append(span)
        begin = int(span.removeprefix("bytes=").rstrip("-")) if span and self.gives_parts else 0
        if begin >= len(self.content):
            self.send_error(416)
            return
        body = self.content[begin:]
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        stop, type(self).breaks_after = self.breaks_after or len(body), 0
        self.wfile.write(body[:stop])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    handler = type("Handler", (_Server,), {"content": bytes(range(256)) * 40, "asked": []})
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield handler, f"http://127.0.0.1:{running.server_port}/file.zip"
    running.shutdown()
    running.server_close()


@pytest.mark.parametrize("gives_parts", [True, False])
def test_a_download_that_broke_off_goes_on(server, tmp_path, gives_parts):
    handler, url = server
    handler.breaks_after, handler.gives_parts = 4000, gives_parts
    digest = hashlib.sha256(handler.content).hexdigest()
    with pytest.raises(ConnectionError, match="4,000 bytes are kept in .*file.zip.partial"):
        download.fetch(url, digest, tmp_path / "file.zip")
    assert download.fetch(url, digest, tmp_path / "file.zip").read_bytes() == handler.content
    assert handler.asked == [None, "bytes=4000-"]
    assert [path.name for path in tmp_path.iterdir()] == ["file.zip"]


def test_a_whole_partial_file_is_taken(server, tmp_path):
    handler, url = server
    (tmp_path / "file.zip.partial").write_bytes(handler.content)
    digest = hashlib.sha256(handler.content).hexdigest()
    assert download.fetch(url, digest, tmp_path / "file.zip").read_bytes() == handler.content


def test_ctrl_c_says_what_is_kept(server, tmp_path, monkeypatch):
    handler, url = server
    (tmp_path / "file.zip.partial").write_bytes(b"abc")

    def stopped(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(downloads, "_receive", stopped)
    with pytest.raises(KeyboardInterrupt, match="was stopped; 3 bytes are kept"):
        download.fetch(url, "0" * 64, tmp_path / "file.zip")
