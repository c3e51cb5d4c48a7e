"""Configuration of the documentation; everything it needs is installed, nothing is fetched."""

import os
import sys
from pathlib import Path

import seechange_core

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "SeeChange"
author = "The SeeChange developers"
copyright = f"2026, {author}"
release = seechange_core.__version__
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.apidoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "generated_reference",
]
exclude_patterns = ["_build", "examples/*/README.md"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Options of commands begin with two hyphens.
smartquotes = False

# The pages of the API reference are written from the code at each build. What a package passes on from its modules is
# described there; of packages this can be said only here.
os.environ["SPHINX_APIDOC_OPTIONS"] = "members,ignore-module-all"
_UNDOCUMENTED = ("builtin", "cli.py", "commands", "hookspecs.py", "models", "profile", "runner", "testing")
apidoc_modules = [
    {
        "path": "../seechange_core",
        "destination": "api",
        "exclude_patterns": [f"../seechange_core/{name}" for name in _UNDOCUMENTED],
        "module_first": True,
        "separate_modules": True,
    }
]
# Types such as "mapping" are words, and find more than one thing of that name.
suppress_warnings = ["ref.python"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "pydata_sphinx_theme"
html_title = "SeeChange"
html_static_path = ["_static"]
html_show_sourcelink = False
html_theme_options = {"show_prev_next": False, "navigation_with_keys": False}
