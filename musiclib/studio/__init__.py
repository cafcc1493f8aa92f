"""Studio: the package as a page in the browser: ``studio.launch()``, ``python -m musiclib.studio`` or ``make studio``.

The page has no musical logic of its own: it calls what a notebook calls, and shows those calls with each result.
"""

from musiclib.studio.launching import launch

__all__ = ["launch"]
