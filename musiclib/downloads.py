"""Downloads: a file from the web, once, checked against its SHA-256 and unpacked safely."""

from __future__ import annotations

import os
import pathlib
import shutil
import urllib.error
import urllib.request
import zipfile

from tqdm.auto import tqdm

from musiclib import files

_BLOCK = 1 << 20


def fetch(url: str, sha256: str | None, path: str | pathlib.Path) -> pathlib.Path:
    """Downloads a file unless a whole copy is there already.

    Args:
        url: where it is.
        sha256: what its content must add up to, in hexadecimal; None where nobody has published it, and whoever
            reads the file has to check what it holds.
        path: where it goes.

    Returns:
        The path.

    Raises:
        ConnectionError: where the server cannot be reached.
        ValueError: where the content is not what was promised; the file is then deleted.
    """
    path = pathlib.Path(path)
    if path.is_file() and sha256 in (None, files.sha256(path)):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        with urllib.request.urlopen(url, timeout=60) as response, partial.open("wb") as file:
            size = int(response.headers.get("Content-Length") or 0) or None
            with tqdm(total=size, unit="B", unit_scale=True, desc=f"downloading {path.name}") as bar:
                while block := response.read(_BLOCK):
                    file.write(block)
                    bar.update(len(block))
        if size is not None and partial.stat().st_size != size:
            raise ConnectionError(f"it ended after {partial.stat().st_size} of {size} bytes")
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        partial.unlink(missing_ok=True)
        raise ConnectionError(
            f"cannot download {url} ({error}); check the network, or put the file at {path} yourself"
        ) from error
    found = files.sha256(partial)
    if sha256 not in (None, found):
        partial.unlink()
        raise ValueError(f"{url} gave a file with SHA-256 {found} instead of {sha256}; it was deleted, try again later")
    os.replace(partial, path)
    return path


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
