"""Crosstalk: ghosts of what other amplifiers, of this CCD and of others, saw at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from seechange_core.api import Detrender, InputError, Instrument, Params, parameter
from seechange_core.builtin.detrending.crosstalk_file import crosstalk_tables
from seechange_core.builtin.detrending.marking import in_adu, marked, recorded, table_of
from seechange_core.frames import Amplifier, Calibration, ColumnTable, MaskPlane, SectionData


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
        from seechange_core.imaging import crosstalk

        table = table_of(calibrations["crosstalk"])
        data, uncertain = in_adu(section, self.name).data.copy(), np.zeros(section.data.shape, dtype=bool)
        own, missing = str(section.info.get("section", "")), []
        for name in dict.fromkeys(table["source_section"].tolist()):
            if name != own and name not in section.others:
                missing.append(name)
                continue
            other = section if name == own else section.others[name]
            for row in np.nonzero(table["source_section"] == name)[0]:
                source, level = _with_level(other, str(table["source"][row]), name)
                victim, _ = _with_level(section, str(table["victim"][row]), own)
                signal = crosstalk.in_order_of(other.data[source.data.slices], source, victim)
                if signal.shape != victim.data.shape:
                    raise InputError(
                        f"crosstalk: amplifiers {name} {source.name} and {own} {victim.name} differ in shape"
                    )
                crosstalk.subtract_ghosts(
                    data[victim.data.slices],
                    signal,
                    level,
                    crosstalk.CrosstalkCoefficients(
                        float(table["linear"][row]),
                        float(table["error"][row]),
                        float(table["onset_adu"][row]),
                        tuple(table["polynomial"][row].tolist()),
                    ),
                    uncertain[victim.data.slices],
                    self.params.tolerance_adu,
                )
        corrected = section.replaced(data=data, info={**section.info, "crosstalk_missing": missing})
        if uncertain.any():
            corrected = marked(corrected, MaskPlane.CROSSTALK, uncertain)
        return recorded(corrected, self.name, calibrations["crosstalk"].product_id)


def _with_level(section: SectionData, name: str, where: str) -> tuple[Amplifier, float]:
    """Return an amplifier and the level of its overscan."""
    from seechange_core.imaging.overscan import overscan_level

    for amplifier in section.amplifiers:
        if amplifier.name == name and amplifier.overscan is not None:
            return amplifier, overscan_level(section.data[amplifier.overscan.slices])
    raise InputError(
        f"crosstalk: {where} has no amplifier {name!r} with overscan; name crosstalk before overscan in "
        "preprocessing.use, or leave the amplifier out of the file of coefficients"
    )
