"""Downloads: checked, whole or not there, and unpacked inside their folder; without a network."""

import hashlib
import zipfile

import pytest

from musiclib import downloads


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
    assert downloads.fetch(url, digest, target) == target
    assert target.read_bytes() == path.read_bytes()
    assert [p.name for p in target.parent.iterdir()] == ["file.bin"]


def test_a_second_fetch_downloads_nothing(source, tmp_path):
    path, url, digest = source
    downloads.fetch(url, digest, tmp_path / "file.bin")
    path.unlink()  # the server is gone
    assert downloads.fetch(url, digest, str(tmp_path / "file.bin")).is_file()


def test_a_wrong_checksum_leaves_nothing_behind(source, tmp_path):
    _, url, digest = source
    wrong = "0" * 64
    with pytest.raises(ValueError) as error:
        downloads.fetch(url, wrong, tmp_path / "new" / "file.bin")
    for text in (url, digest, wrong):
        assert text in str(error.value)
    assert list((tmp_path / "new").iterdir()) == []


def test_a_damaged_copy_is_replaced(source, tmp_path):
    path, url, digest = source
    (tmp_path / "file.bin").write_bytes(b"half a file")
    (tmp_path / "file.bin.partial").write_bytes(b"the rest of an interrupted download")
    downloads.fetch(url, digest, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == path.read_bytes()
    assert not (tmp_path / "file.bin.partial").exists()


def test_an_address_that_does_not_answer_is_named_with_the_way_out(tmp_path):
    url = (tmp_path / "nothing").as_uri()
    with pytest.raises(ConnectionError) as error:
        downloads.fetch(url, "0" * 64, tmp_path / "new" / "file.bin")
    assert url in str(error.value) and str(tmp_path / "new" / "file.bin") in str(error.value)
    assert list((tmp_path / "new").iterdir()) == []


def archive(path, **files):
    with zipfile.ZipFile(path, "w") as file:
        for name, text in files.items():
            file.writestr(name, text)
    return path


def test_unpack(tmp_path):
    path = archive(tmp_path / "a.zip", **{"one.txt": "1", "in/side.txt": "2"})
    folder = downloads.unpack(path, tmp_path / "deep" / "out")
    assert folder == tmp_path / "deep" / "out"
    assert (folder / "one.txt").read_text() == "1" and (folder / "in" / "side.txt").read_text() == "2"
    assert [p.name for p in folder.parent.iterdir()] == ["out"]


def test_what_was_unpacked_is_not_unpacked_again(tmp_path):
    path = archive(tmp_path / "a.zip", **{"one.txt": "1"})
    downloads.unpack(path, tmp_path / "out")
    path.unlink()
    assert (downloads.unpack(path, tmp_path / "out") / "one.txt").is_file()


def test_an_interrupted_unpacking_is_done_again(tmp_path):
    path = archive(tmp_path / "a.zip", **{"one.txt": "1"})
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / "stale.txt").write_text("old")
    folder = downloads.unpack(path, tmp_path / "out")
    assert [p.name for p in folder.iterdir()] == ["one.txt"]


@pytest.mark.parametrize("name", ["../evil.txt", "a/../../evil.txt", "/evil.txt"])
def test_an_archive_that_climbs_out_is_refused(name, tmp_path):
    path = archive(tmp_path / "a.zip", **{"good.txt": "1", name: "2"})
    with pytest.raises(ValueError) as error:
        downloads.unpack(path, tmp_path / "in" / "out")
    assert repr(name) in str(error.value) and str(path) in str(error.value)
    assert not (tmp_path / "in" / "out").exists()
    assert list(tmp_path.rglob("*.txt")) == []
