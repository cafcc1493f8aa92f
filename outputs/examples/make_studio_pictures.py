"""Makes the pictures of the studio's tabs, each with a result, in a Chromium of the system.

.venv/bin/python outputs/examples/make_studio_pictures.py [FOLDER]
"""

from __future__ import annotations

import io
import pathlib
import shutil
import sys

from PIL import Image
from playwright.sync_api import Page, sync_playwright

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1]))

from musiclib import studio  # noqa: E402

TABS = ("Compose", "Continue", "Harmonise", "Restyle", "Morph")
WIDE, PHONE = (1280, 1160), (390, 1160)
WIDTH, COLOURS = 860, 128  # of the saved pictures, to keep them small


def main(folder: pathlib.Path) -> None:
    """Takes a picture of each tab, and of the first one on a phone."""
    blocks = studio.launch()
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--mute-audio"])
        for size, tabs in ((WIDE, TABS), (PHONE, TABS[:1])):
            page = chromium.new_page(viewport={"width": size[0], "height": size[1]}, device_scale_factor=1)
            page.goto(blocks.local_url)
            for tab in tabs:
                make(page, tab)
                name = "phone" if size == PHONE else tab.lower()
                save(page.screenshot(), folder / f"studio_{name}.png")
        chromium.close()
    blocks.close()


def make(page: Page, tab: str) -> None:
    """Opens a tab and makes a piece with what is set there at first."""
    page.get_by_role("tab", name=tab, exact=True).click()
    page.get_by_role("button", name=tab, exact=True).locator("visible=true").click()
    page.locator("a[download]").locator("visible=true").first.wait_for(timeout=120_000)
    page.wait_for_timeout(2000)  # the player measures its notation


def save(picture: bytes, path: pathlib.Path) -> None:
    """Saves a picture in few colours, at most ``WIDTH`` pixels wide."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.thumbnail((WIDTH, 10_000))
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
