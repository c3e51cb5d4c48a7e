"""Linearity: numbers proportional to the charge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from seechange_core.api import Detrender, InputError, Instrument
from seechange_core.builtin.detrending.linearity_file import linearity_tables
from seechange_core.builtin.detrending.marking import in_adu, recorded, table_of
from seechange_core.frames import Calibration, ColumnTable, Pixels, SectionData


class Linearity(Detrender):
    """Straightens the response of each amplifier by a table or a polynomial; goes after ``overscan``.

    They come from a calibration file of kind ``linearity``.
    """

    name: ClassVar[str] = "linearity"
    version: ClassVar[str] = "1.0"

    def calibrations(self) -> tuple[str, ...]:
        """Return the one kind that is needed."""
        return ("linearity",)

    def read_tables(self, kind: str, text: str, instrument: Instrument) -> dict[str, ColumnTable]:
        """Read a file of curves; see `linearity_tables`."""
        return linearity_tables(text, instrument)

    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the section with a straight response; saturation levels are corrected too."""
        from seechange_core.imaging.detrending.linearity import linearised

        if any(amplifier.overscan is not None for amplifier in in_adu(section, self.name).amplifiers):
            raise InputError(
                "linearity needs the signal above the bias: name it after overscan in preprocessing.use"
            )
        table = table_of(calibrations["linearity"])
        data, amplifiers = section.data.copy(), []
        for amplifier in section.amplifiers:
            curve = _curve(table, amplifier.name, section)
            data[amplifier.data.slices] = linearised(section.data[amplifier.data.slices], curve)
            full = np.full((1, 1), amplifier.saturation_adu, np.float32)
            amplifiers.append(replace(amplifier, saturation_adu=float(linearised(full, curve)[0, 0])))
        corrected = section.replaced(data=data, amplifiers=tuple(amplifiers))
        return recorded(corrected, self.name, calibrations["linearity"].product_id)


def _curve(table: ColumnTable, amplifier: str, section: SectionData) -> Pixels:
    from seechange_core.imaging.detrending.linearity import curve_of_knots, curve_of_polynomial

    rows = table.rows(table["amplifier"] == amplifier)
    if not rows.n_rows:
        raise InputError(f"linearity: the file has no curve of {section.info.get('section')} {amplifier}")
    if "coefficients" in table:
        return curve_of_polynomial(rows["coefficients"][0].tolist())
    return curve_of_knots(rows["measured_adu"], rows["linear_adu"])
