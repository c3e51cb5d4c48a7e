"""What happens, on the standard error: a line for people, or a JSON object for machines."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime

FORMATS = ("text", "json")
_LEVEL_VARIABLE, _FORMAT_VARIABLE = "SEECHANGE_LOG_LEVEL", "SEECHANGE_LOG_FORMAT"
_KNOWN = {*vars(logging.makeLogRecord({})), "message", "asctime"}


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, and what the caller gave as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _KNOWN},
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


def configure(*, verbose: bool, log_format: str) -> None:
    """Set what this process and those that it starts write."""
    os.environ[_LEVEL_VARIABLE] = "INFO" if verbose else "WARNING"
    os.environ[_FORMAT_VARIABLE] = log_format
    configure_as_parent()


def configure_as_parent() -> None:
    """Write what the process that started this one writes; nothing is changed if that did not say."""
    if _FORMAT_VARIABLE not in os.environ:
        return
    handler = logging.StreamHandler()
    if os.environ[_FORMAT_VARIABLE] == "json":
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=os.environ.get(_LEVEL_VARIABLE, "WARNING"), handlers=[handler], force=True)
