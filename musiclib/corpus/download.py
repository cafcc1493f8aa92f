"""Downloads: a file from the web, once, checked against its SHA-256 and unpacked safely."""

from __future__ import annotations

import http
import http.client
import os
import pathlib
import shutil
import urllib.error
import urllib.request
import zipfile

from tqdm.auto import tqdm

from musiclib import _atomic

_BLOCK = 1 << 20


def fetch(url: str, sha256: str | None, path: str | pathlib.Path) -> pathlib.Path:
    """Downloads a file unless a whole copy is there already; one that was broken off goes on where it ended.

    Args:
        url: where it is.
        sha256: what its content must add up to, in hexadecimal; None where nobody has published it, and whoever
            reads the file has to check what it holds.
        path: where it goes.

    Returns:
        The path.

    Raises:
        ConnectionError: where the server cannot be reached, or falls silent; what came is kept beside ``path``.
        KeyboardInterrupt: at Ctrl-C, likewise.
        ValueError: where the content is not what was promised; the file is then deleted.
    """
    path = pathlib.Path(path)
    if path.is_file() and sha256 in (None, _atomic.sha256(path)):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        _receive(url, partial, path.name)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise ConnectionError(
            f"cannot download {url} ({error}); {_kept(partial)}check the network, or put the file at {path} yourself"
        ) from error
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"the download of {url} was stopped; {_kept(partial)}call again to go on") from None
    found = _atomic.sha256(partial)
    if sha256 not in (None, found):
        partial.unlink()
        raise ValueError(f"{url} gave a file with SHA-256 {found} instead of {sha256}; it was deleted, try again later")
    os.replace(partial, path)
    return path


def _receive(url: str, partial: pathlib.Path, name: str) -> None:
    """Appends to a partial file what is missing of it, or writes it anew where the server has no parts to give."""
    held = partial.stat().st_size if partial.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={held}-"} if held else {})
    try:
        response = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        if not held or error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        return  # there is nothing after what is held: it is whole, or its sum will tell
    with response:
        goes_on = held and getattr(response, "status", None) == http.HTTPStatus.PARTIAL_CONTENT
        missing = int(response.headers.get("Content-Length") or 0)
        with (
            partial.open("ab" if goes_on else "wb") as file,
            tqdm(
                total=(held * bool(goes_on) + missing) or None,
                initial=held if goes_on else 0,
                unit="B",
                unit_scale=True,
                desc=f"downloading {name}",
            ) as bar,
        ):
            received = 0
            while block := response.read(_BLOCK):
                file.write(block)
                bar.update(len(block))
                received += len(block)
    if received < missing:
        raise ConnectionError(f"the server broke off after {received:,} of {missing:,} bytes")


def _kept(partial: pathlib.Path) -> str:
    """Says what a download that ended early has left."""
    held = partial.stat().st_size if partial.is_file() else 0
    return f"{held:,} bytes are kept in {partial} and will be gone on from; " if held else ""


def unpack(archive: str | pathlib.Path, folder: str | pathlib.Path) -> pathlib.Path:
    """Unpacks a zip archive into a folder, unless that exists.

    Raises:
        ValueError: where a path in the archive climbs out of the folder.
    """
    folder = pathlib.Path(folder)
    if folder.is_dir():
        return folder
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    with zipfile.ZipFile(archive) as file:
        for name in file.namelist():
            if not (partial / name).resolve().is_relative_to(partial.resolve()):
                raise ValueError(f"{archive} holds {name!r}, which lies outside its folder; do not use this archive")
        file.extractall(partial)
    os.replace(partial, folder)
    return folder
