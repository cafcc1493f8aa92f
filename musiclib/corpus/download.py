"""Downloads: a file from the web, once and checked, and archives unpacked. Both are there whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
import zipfile


def fetch(url: str, sha256: str | None, path: str | pathlib.Path) -> pathlib.Path:
    """Downloads a file unless it is there; a download that broke off begins again at the next call.

    Args:
        url: where it is, by http or https.
        sha256: the checksum of its content; None where nobody published it, and whoever reads the file checks it.
        path: where it goes.

    Returns:
        The path.

    Raises:
        OSError: if it cannot be written; a ConnectionError, if the server does not give all of it.
        ValueError: if the content has another checksum; it is then deleted.
    """
    import pooch
    import requests
    from tqdm.auto import tqdm

    path = pathlib.Path(path).expanduser()
    pooch.get_logger().setLevel("WARNING")  # below that it says what the progress bar shows

    def download(url: str, partial: str, _: object) -> None:
        os.chmod(partial, 0o644)  # pooch makes it readable for its owner alone, and a class may share its data
        with tqdm(desc=f"downloading {path.name}", unit="B", unit_scale=True) as bar, contextlib.ExitStack() as stack:

            def answered(response: requests.Response, **_: object) -> None:
                stack.callback(response.close)  # pooch leaves it open where it fails
                bar.reset(int(response.headers.get("Content-Length", 0)))  # pooch takes no bar without a size

            pooch.HTTPDownloader(progressbar=bar, timeout=60, hooks={"response": answered})(url, partial, None)

    try:
        pooch.retrieve(url, sha256, path.name, path.parent, downloader=download)
    except OSError as error:  # those of requests are among them
        kind = ConnectionError if isinstance(error, requests.RequestException) else OSError
        why = error.__cause__ or error
        raise kind(f"cannot download {url} ({why}); check the network, or put the file at {path} yourself") from error
    except ValueError as error:
        why = str(error).partition(". Deleted")[0]
        raise ValueError(f"{url} gave another file ({why}); it was deleted, try again later") from error
    return path


def unpack(archive: str | pathlib.Path, folder: str | pathlib.Path) -> pathlib.Path:
    """Unpacks a zip archive into a folder, unless that exists; a path that leads out of it leads into it here.

    Args:
        archive: the zip file.
        folder: where its content goes.

    Returns:
        The folder.

    Raises:
        OSError: if the archive cannot be read or the folder not be written; zipfile.BadZipFile, if it is damaged.
    """
    folder = pathlib.Path(folder).expanduser()
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as partial, zipfile.ZipFile(archive) as file:
            file.extractall(pathlib.Path(partial, folder.name))
            os.replace(pathlib.Path(partial, folder.name), folder)
    return folder
