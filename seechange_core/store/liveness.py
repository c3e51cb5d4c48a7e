"""Whether the process that began something still lives."""

from __future__ import annotations

import os
import socket

# Nobody can tell whether another host's process lives; no write and no run of a section takes a day.
_FOREIGN_AGE_S = 86400.0


def has_died(host: str, process_id: int, age_s: float) -> bool:
    """Tell whether a process of a host has ended; of another host's process only the age of what it began tells.

    Parameters
    ----------
    host : str
        As `socket.gethostname` gave it there.
    process_id : int
        There.
    age_s : float
        How long ago it began what is in question.
    """
    return not _alive(process_id) if host == socket.gethostname() else age_s > _FOREIGN_AGE_S


def _alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
