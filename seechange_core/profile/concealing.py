"""Keeps passwords out of everything that is printed or stored."""

from __future__ import annotations

import re

#: What is shown in the place of a password.
CONCEALED = "********"
_ASSIGNED = re.compile(r"(password['\"]?\s*[=:]\s*['\"]?)[^\s'\"]+", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"(://[^\s:/@]*:)[^\s@]+(?=@)")


def concealed(text: str) -> str:
    """Return a text with the passwords in it replaced: ``password=...`` and ``scheme://user:...@host``."""
    return _IN_ADDRESS.sub(rf"\g<1>{CONCEALED}", _ASSIGNED.sub(rf"\g<1>{CONCEALED}", text))
