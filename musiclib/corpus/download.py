"""Downloads with checksums, and unpacking of archives; both are atomic."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
import zipfile


def fetch(url: str, sha256: str | None, path: str | pathlib.Path) -> pathlib.Path:
    """Downloads a file unless it exists; an interrupted download restarts at the next call.

    Args:
        url: an http or https address.
        sha256: the checksum of the content; None if there is none, then the caller checks the content.
        path: the file to write.

    Returns:
        The path.

    Raises:
        OSError: if the file cannot be written; ConnectionError if the download fails.
        ValueError: if the checksum is wrong; the file is then deleted.
    """
    import pooch
    import requests
    from tqdm.auto import tqdm

    path = pathlib.Path(path).expanduser()
    pooch.get_logger().setLevel("WARNING")  # its info messages repeat the progress bar

    def download(url: str, partial: str, _: object) -> None:
        os.chmod(partial, 0o644)  # pooch makes it readable only for its owner
        with tqdm(desc=f"downloading {path.name}", unit="B", unit_scale=True) as bar, contextlib.ExitStack() as stack:

            def answered(response: requests.Response, **_: object) -> None:
                stack.callback(response.close)  # pooch leaves it open after an error
                bar.reset(int(response.headers.get("Content-Length", 0)))  # pooch needs a bar with a size

            pooch.HTTPDownloader(progressbar=bar, timeout=60, hooks={"response": answered})(url, partial, None)

    try:
        pooch.retrieve(url, sha256, path.name, path.parent, downloader=download)
    except OSError as error:  # includes requests' exceptions
        kind = ConnectionError if isinstance(error, requests.RequestException) else OSError
        why = error.__cause__ or error
        raise kind(f"cannot download {url} ({why}); check the network, or put the file at {path} yourself") from error
    except ValueError as error:
        why = str(error).partition(". Deleted")[0]
        raise ValueError(f"{url} has a different checksum ({why}); the file was deleted, try again later") from error
    return path


def unpack(archive: str | pathlib.Path, folder: str | pathlib.Path) -> pathlib.Path:
    """Unpacks a zip archive into a folder, unless that exists; members cannot be written outside the folder.

    Args:
        archive: the zip file.
        folder: the folder to create.

    Returns:
        The folder.

    Raises:
        OSError: if the archive cannot be read or the folder cannot be written.
        zipfile.BadZipFile: if the archive is damaged.
    """
    folder = pathlib.Path(folder).expanduser()
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as partial, zipfile.ZipFile(archive) as file:
            file.extractall(pathlib.Path(partial, folder.name))
            os.replace(pathlib.Path(partial, folder.name), folder)
    return folder
