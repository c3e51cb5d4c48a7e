"""Tables in memory: named columns of equal length, with a declared meaning and unit each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

_SHOWN_ROWS = 10


class ColumnTable(Mapping[str, NDArray[Any]]):
    """Read-only columns of equal length.

    A subclass declares in `COLUMNS` which columns it must have: name to (dtype, unit, meaning). Further columns are
    allowed. Columns have shape (n,) or (n, m).

    Parameters
    ----------
    columns : mapping of str to array
        The first axis is the row.
    meta : mapping, optional
        JSON values that belong to the table as a whole.

    Raises
    ------
    ValueError
        If a declared column is missing or the lengths differ.
    """

    COLUMNS: ClassVar[dict[str, tuple[type[np.generic], str, str]]] = {}

    def __init__(self, columns: Mapping[str, Any], meta: Mapping[str, Any] | None = None) -> None:
        missing = [name for name in self.COLUMNS if name not in columns]
        if missing:
            raise ValueError(f"{type(self).__name__} lacks the columns {', '.join(missing)}")
        self._columns: dict[str, NDArray[Any]] = {}
        for name, values in columns.items():
            dtype = self.COLUMNS[name][0] if name in self.COLUMNS else None
            column = np.array(values, dtype=dtype)
            column.setflags(write=False)
            self._columns[name] = column
        lengths = {name: len(column) for name, column in self._columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of {type(self).__name__} differ in length: {lengths}")
        self._length = next(iter(lengths.values()), 0)
        self.meta: dict[str, Any] = dict(meta or {})

    def __getitem__(self, name: str) -> NDArray[Any]:
        try:
            return self._columns[name]
        except KeyError:
            raise KeyError(f"no column {name!r}; there are {', '.join(self._columns)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        """Return the number of columns, as a mapping does; `n_rows` is the number of rows."""
        return len(self._columns)

    def unit(self, name: str) -> str:
        """Return the unit of a column; empty if it has none, or was not declared."""
        return self.COLUMNS[name][1] if name in self.COLUMNS else ""

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self._length

    def rows(self, index: Any) -> Self:
        """Return the rows that a mask, slice or index array selects."""
        return type(self)({name: column[index] for name, column in self._columns.items()}, self.meta)

    def with_columns(self, **columns: Any) -> Self:
        """Return a copy with columns added or replaced."""
        return type(self)({**self._columns, **columns}, self.meta)

    @classmethod
    def empty(cls) -> Self:
        """Return a table of no rows with the declared columns."""
        return cls({name: np.empty(0, dtype) for name, (dtype, _, _) in cls.COLUMNS.items()})

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._length} rows; {', '.join(self._columns)}>"

    def _repr_html_(self) -> str:
        """Show the first rows in a notebook."""
        flat = {name: column for name, column in self._columns.items() if column.ndim == 1}
        heading = "".join(f"<th>{escape(name)}<br>{escape(self.unit(name))}</th>" for name in flat)
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(_shown(column[row]))}</td>' for column in flat.values())}</tr>"
            for row in range(min(self._length, _SHOWN_ROWS))
        )
        caption = f"{type(self).__name__}, {self._length} rows"
        return f"<table><caption>{caption}</caption><tr>{heading}</tr>{rows}</table>"


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, np.floating) else str(value)
