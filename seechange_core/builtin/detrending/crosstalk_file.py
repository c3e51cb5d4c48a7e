"""Files of crosstalk coefficients."""

from __future__ import annotations

import numpy as np

from seechange_core.api import InputError, Instrument
from seechange_core.frames import ColumnTable

_FIXED = 5


def crosstalk_tables(text: str, instrument: Instrument) -> dict[str, ColumnTable]:
    """Read crosstalk coefficients, one pair of amplifiers a line, and sort them by the section of the victim.

    Parameters
    ----------
    text : str
        Columns separated by blanks: victim, source, linear coefficient, its error, signal (ADU above overscan) above
        which it is not linear any more, and the coefficients p_1, p_2 ... of a polynomial in the excess above that;
        lines that begin with ``#`` are comments. This is how DECam's file is laid out. The last three may be left
        out.
    instrument : Instrument
        Knows what amplifiers are called.

    Returns
    -------
    dict of str to ColumnTable
        By section: ``victim``, ``source_section``, ``source``, ``linear``, ``error``, ``onset_adu``, and
        ``polynomial`` of shape (n, m).

    Raises
    ------
    InputError
        If a line has too few columns or something that is not a number; names the line.
    """
    rows: dict[str, list[tuple[str, str, str, list[float]]]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if len(words) < _FIXED - 1:
            raise InputError(
                f"crosstalk, line {number}: {len(words)} columns; needed are victim, source, coefficient and error"
            )
        try:
            numbers = [float(word) for word in words[2:]]
        except ValueError as error:
            raise InputError(f"crosstalk, line {number}: {error}") from error
        section, victim = instrument.amplifier_named(words[0])
        source_section, source = instrument.amplifier_named(words[1])
        rows.setdefault(section, []).append((victim, source_section, source, numbers))
    return {section: _table(entries) for section, entries in rows.items()}


def _table(entries: list[tuple[str, str, str, list[float]]]) -> ColumnTable:
    terms = max(1, *(len(numbers) - 3 for *_, numbers in entries))
    padded = np.zeros((len(entries), 3 + terms))
    padded[:, 2] = 1e10
    for row, (*_, numbers) in enumerate(entries):
        padded[row, : len(numbers)] = numbers
    return ColumnTable(
        {
            "victim": [entry[0] for entry in entries],
            "source_section": [entry[1] for entry in entries],
            "source": [entry[2] for entry in entries],
            "linear": padded[:, 0],
            "error": padded[:, 1],
            "onset_adu": padded[:, 2],
            "polynomial": padded[:, 3:],
        }
    )
