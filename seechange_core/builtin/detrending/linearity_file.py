"""Files of linearity curves."""

from __future__ import annotations

import csv
import io

import numpy as np

from seechange_core.api import InputError, Instrument
from seechange_core.frames import ColumnTable

_KNOTS = ("measured_adu", "linear_adu")


def linearity_tables(text: str, instrument: Instrument) -> dict[str, ColumnTable]:
    """Read linearity curves and sort them by section.

    Parameters
    ----------
    text : str
        Comma-separated, with a line of column names: ``amplifier,measured_adu,linear_adu`` with a line for each knot of
        a curve, ascending, or ``amplifier,c1,c2,...`` with a line for each amplifier: linear = c1 m + c2 m^2 + ... of
        the measured signal m above bias. Lines that begin with ``#`` are comments.
    instrument : Instrument
        Knows what amplifiers are called.

    Returns
    -------
    dict of str to ColumnTable
        By section: ``amplifier`` and either ``measured_adu`` and ``linear_adu``, or ``coefficients`` of shape (n, m).

    Raises
    ------
    InputError
        If the columns are others, a number is none, or knots do not ascend; names the line or amplifier.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    reader = csv.reader(io.StringIO("\n".join(lines)), skipinitialspace=True)
    names = next(reader, [])
    numbers_of = names[1:]
    polynomial = numbers_of == [f"c{power}" for power in range(1, len(names))] and bool(numbers_of)
    if names[:1] != ["amplifier"] or not (polynomial or tuple(numbers_of) == _KNOTS):
        raise InputError(
            f"linearity: the columns are {', '.join(names)}; needed are amplifier,measured_adu,linear_adu or "
            "amplifier,c1,c2,..."
        )
    rows: dict[str, list[tuple[str, list[float]]]] = {}
    for words in reader:
        try:
            numbers = [float(word) for word in words[1:]]
        except ValueError as error:
            raise InputError(f"linearity, line {','.join(words)!r}: {error}") from error
        if len(numbers) != len(numbers_of):
            raise InputError(f"linearity, line {','.join(words)!r}: {len(names)} columns are needed")
        section, amplifier = instrument.amplifier_named(words[0].strip())
        rows.setdefault(section, []).append((amplifier, numbers))
    return {section: _table(entries, polynomial) for section, entries in rows.items()}


def _table(entries: list[tuple[str, list[float]]], polynomial: bool) -> ColumnTable:
    amplifier = np.array([name for name, _ in entries])
    numbers = np.array([values for _, values in entries])
    if polynomial:
        return ColumnTable({"amplifier": amplifier, "coefficients": numbers})
    for name in dict.fromkeys(amplifier.tolist()):
        if not (np.diff(numbers[amplifier == name], axis=0) > 0).all():
            raise InputError(f"linearity: the knots of amplifier {name} do not ascend in both columns")
    return ColumnTable({"amplifier": amplifier, **dict(zip(_KNOTS, numbers.T, strict=True))})
