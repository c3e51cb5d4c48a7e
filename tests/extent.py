"""How much the tests try: everything under ``make science``, and otherwise what CI has time for."""

from __future__ import annotations

import os

#: Whether this is ``make science``, which names the file of its figures.
WHOLE = bool(os.environ.get("SEECHANGE_QUALITY_FILE"))
