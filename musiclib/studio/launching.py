"""Launching: starts the page, on this computer alone."""

from __future__ import annotations

import contextlib
import os
import pathlib
import threading


def launch(share: bool = False, port: int | None = None, browser: bool = False, wait: bool = False):
    """Opens the studio, on this computer alone.

    Args:
        share: also gives it a public address for a week, by Gradio's servers: whoever knows it can use the page.
        port: of the address; None takes the first that is free from 7860 on.
        browser: opens the address in the browser; a notebook shows the page below the cell.
        wait: returns only when the program is interrupted.

    Returns:
        The page, a ``gradio.Blocks``: ``local_url`` is its address, ``close()`` ends it.

    Raises:
        ImportError: where Gradio is not installed.
        OSError: where the port is taken.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import gradio
    except ImportError as error:
        message = 'the studio needs Gradio, which is not installed: pip install "gradio>=6,<7"'
        raise ImportError(message) from error
    from musiclib.studio import page, results, uploads

    shelf = results.Shelf()
    gradio.set_static_paths([shelf.folder])  # served from there, and not copied into a cache that grows
    blocks = page.Page(shelf, uploads.Uploads()).blocks
    fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}  # none from elsewhere
    blocks.launch(
        share=share, server_name="127.0.0.1", server_port=port, inbrowser=browser, prevent_thread_lock=True, quiet=True,
        max_file_size=uploads.BYTES, state_session_capacity=50, footer_links=[], run_history=False, ssr_mode=False,
        max_threads=8,  # each keeps freed memory for itself
        theme=gradio.themes.Default(primary_hue="blue", **fonts), height=900,
        css_paths=pathlib.Path(__file__).with_name("page.css"),
    )  # fmt: skip
    print(f"The studio is at {blocks.share_url or blocks.local_url}", flush=True)
    if wait:
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
    return blocks
