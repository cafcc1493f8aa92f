"""Opens the studio: ``python -m musiclib.studio``."""

import argparse
import signal

from musiclib.studio.launching import launch

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m musiclib.studio", description="Opens the studio in the browser.")
    parser.add_argument("--port", type=int, help="of its address; by default the first that is free from 7860 on")
    parser.add_argument("--share", action="store_true", help="also gives it a public address, by Gradio's servers")
    parser.add_argument("--no-browser", action="store_true", help="only prints the address")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as by Ctrl-C, and leaves no file behind
    try:
        launch(options.share, options.port, browser=not options.no_browser, wait=True)
    except (ImportError, OSError) as error:
        raise SystemExit(f"studio: {error}") from None
