"""What was decided about every peak of a difference image, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from seechange_core.frames.table import ColumnTable

ABOVE, BELOW = "above", "below"
_BITS = 32


@dataclass(frozen=True)
class DecisionTest:
    """One test that candidates were held against.

    Parameters
    ----------
    name : str
        Of the test.
    column : str
        Of the tested quantity.
    comparison : str
        ``"above"`` or ``"below"``: on which side of a threshold a candidate fails.
    flag, delete : float or None
        Thresholds beyond which a candidate is flagged, or deleted; None: never.
    """

    name: str
    column: str
    comparison: str
    flag: float | None
    delete: float | None

    def beyond(self, values: NDArray[Any], threshold: float | None) -> NDArray[np.bool_]:
        """Return which values are beyond a threshold; what is not known (NaN) is not."""
        if threshold is None:
            return np.zeros(len(values), bool)
        with np.errstate(invalid="ignore"):
            failed: NDArray[np.bool_] = values > threshold if self.comparison == ABOVE else values < threshold
        return failed


class DecisionTable(ColumnTable):
    """One row for every peak that detection saw, those that were deleted included.

    Every tested quantity is a further column, under its name. Bit i of `flagged` and `deleted` belongs to test i of
    `tests`. A quantity that could not be measured (NaN) is flagged, for nothing speaks for the candidate, and is not
    deleted, for nothing speaks against it.
    """

    COLUMNS: ClassVar = {
        "x": (np.float64, "pixel", "position by PSF fit; that of the peak where there is none"),
        "y": (np.float64, "pixel", "position by PSF fit; that of the peak where there is none"),
        "ra": (np.float64, "deg", "ICRS; NaN without a mapping"),
        "dec": (np.float64, "deg", "ICRS; NaN without a mapping"),
        "score": (np.float32, "sigma", "of the detection; negative where the sky became fainter"),
        "row": (np.int32, "", "row in the measurements; -1 if it was deleted"),
        "flagged": (np.uint32, "", "tests beyond whose first threshold it is, as bits"),
        "deleted": (np.uint32, "", "tests beyond whose second threshold it is, as bits"),
    }

    @property
    def tests(self) -> tuple[DecisionTest, ...]:
        """The tests, in the order of their bits."""
        return tuple(DecisionTest(**test) for test in self.meta["tests"])

    @classmethod
    def of(cls, columns: Mapping[str, NDArray[Any]], tests: Sequence[DecisionTest]) -> Self:
        """Hold candidates against tests.

        Parameters
        ----------
        columns : mapping of str to array of shape (n,)
            ``x``, ``y``, ``ra``, ``dec``, ``score`` and every tested quantity.
        tests : sequence of DecisionTest
            At most 32.

        Raises
        ------
        ValueError
            If there are too many tests.
        """
        if len(tests) > _BITS:
            raise ValueError(f"{len(tests)} tests; a table of decisions holds at most {_BITS}")
        flagged, deleted = (np.zeros(len(columns["x"]), np.uint32) for _ in range(2))
        for bit, test in enumerate(tests):
            values = columns[test.column]
            unknown = np.isnan(values) if test.flag is not None else False
            flagged |= (test.beyond(values, test.flag) | unknown).astype(np.uint32) << np.uint32(bit)
            deleted |= test.beyond(values, test.delete).astype(np.uint32) << np.uint32(bit)
        row = np.where(deleted == 0, np.cumsum(deleted == 0) - 1, -1)
        names = ("x", "y", "ra", "dec", "score", *(test.column for test in tests))
        return cls(
            {**{name: columns[name] for name in names}, "row": row, "flagged": flagged, "deleted": deleted},
            {"tests": [asdict(test) for test in tests]},
        )
