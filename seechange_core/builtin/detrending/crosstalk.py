"""Crosstalk: ghosts of what other amplifiers, of this CCD and of others, saw at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seechange_core.api import Detrender, InputError, Instrument, Params, parameter
from seechange_core.builtin.detrending.crosstalk_file import crosstalk_tables
from seechange_core.builtin.detrending.marking import in_adu, marked, recorded, table_of
from seechange_core.frames import Amplifier, Box, Calibration, ColumnTable, MaskPlane, Pixels, SectionData


class CrosstalkParams(Params):
    """Parameters of `Crosstalk`."""

    tolerance_adu: float = parameter(
        2.0, description="Mask ghosts whose strength is known to no better than this", unit="ADU", gt=0
    )


class Crosstalk(Detrender):
    """Subtracts the ghosts that a calibration file of kind ``crosstalk`` describes; goes before ``overscan``.

    The signal of a source is taken above the level of its own overscan. Sources on other CCDs are read one after the
    other; those that the exposure lacks leave no ghosts, and are named in ``info`` as ``crosstalk_missing``.
    """

    name: ClassVar[str] = "crosstalk"
    version: ClassVar[str] = "1.0"
    Params: ClassVar[type[Params]] = CrosstalkParams

    def calibrations(self) -> tuple[str, ...]:
        """Return the one kind that is needed."""
        return ("crosstalk",)

    def read_tables(self, kind: str, text: str, instrument: Instrument) -> dict[str, ColumnTable]:
        """Read a file of coefficients; see `crosstalk_tables`."""
        return crosstalk_tables(text, instrument)

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section without ghosts; where they are not known well, ``CROSSTALK`` is set in the mask."""
        table = table_of(calibrations["crosstalk"])
        data, uncertain = in_adu(section, self.name).data.copy(), np.zeros(section.data.shape, dtype=bool)
        own, missing = str(section.info.get("section", "")), []
        for name in dict.fromkeys(table["source_section"].tolist()):
            rows = table.rows(table["source_section"] == name)
            if name == own:
                self._subtract(section, section, rows, data, uncertain)
            elif name in section.others:
                # Not kept under a name here, so that it is gone before the next one is read.
                self._subtract(section, section.others[name], rows, data, uncertain)
            else:
                missing.append(name)
        corrected = section.replaced(data=data, info={**section.info, "crosstalk_missing": missing})
        if uncertain.any():
            corrected = marked(corrected, MaskPlane.CROSSTALK, uncertain)
        return recorded(corrected, self.name, calibrations["crosstalk"].product_id)

    def _subtract(
        self,
        section: SectionData,
        other: SectionData,
        rows: ColumnTable,
        data: Pixels,
        uncertain: NDArray[np.bool_],
    ) -> None:
        """Subtract in place what one section leaves in another, and mark what is uncertain of it."""
        from seechange_core.imaging.detrending import crosstalk
        from seechange_core.imaging.detrending.overscan import overscan_level

        for row in range(rows.n_rows):
            source, overscan = _with_overscan(other, str(rows["source"][row]))
            victim, _ = _with_overscan(section, str(rows["victim"][row]))
            signal = crosstalk.in_order_of(other.data[source.data.slices], source, victim)
            if signal.shape != victim.data.shape:
                pair = f"{other.info.get('section')} {source.name} and {section.info.get('section')} {victim.name}"
                raise InputError(f"crosstalk: amplifiers {pair} differ in shape")
            coefficients = crosstalk.CrosstalkCoefficients(
                float(rows["linear"][row]),
                float(rows["error"][row]),
                float(rows["onset_adu"][row]),
                tuple(rows["polynomial"][row].tolist()),
            )
            box = victim.data.slices
            level = overscan_level(other.data[overscan.slices])
            crosstalk.subtract_ghosts(
                data[box], signal, level, coefficients, uncertain[box], self.params.tolerance_adu
            )


def _with_overscan(section: SectionData, name: str) -> tuple[Amplifier, Box]:
    for amplifier in section.amplifiers:
        if amplifier.name == name and amplifier.overscan is not None:
            return amplifier, amplifier.overscan
    raise InputError(
        f"crosstalk: {section.info.get('section')} has no amplifier {name!r} with overscan; name crosstalk before "
        "overscan in preprocessing.use, or leave the amplifier out of the file of coefficients"
    )
