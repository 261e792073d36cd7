"""Sphinx: MyST pages in the Furo theme. ``nox -s docs`` builds them."""

# ruff: noqa: INP001  a script, not a package

from detbench import __version__

project = "detbench"
author = "the detbench authors"
copyright = "the detbench authors"  # noqa: A001  Sphinx's name for it
release = __version__

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"detbench {__version__}"
html_copy_source = False
html_show_sphinx = False
