"""What is near candidates, and how they stood above the horizon."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from seechange_core.frames.table import ColumnTable

_f8, _f4, _i2 = np.float64, np.float32, np.int16


class SurroundingsTable(ColumnTable):
    """What is near each candidate: row i belongs to row i of the measurements.

    Where there is nothing to measure a distance to, it is NaN and names are empty. ``meta["flux_unit"]`` says what
    ``reference_source_flux`` is in, as in `MeasurementTable`; ``meta["galaxies"]`` what galaxies are: those of a
    catalogue (its name), or ``"reference"``, the extended sources of the reference.
    """

    COLUMNS: ClassVar = {
        "reference_source_distance": (_f4, "arcsec", "to the nearest source of the reference"),
        "reference_source_flux": (_f8, "nJy", "PSF flux of that source"),
        "reference_source_magnitude": (_f4, "mag AB", "of that source, where it is calibrated"),
        "reference_source_extension": (
            _f4,
            "sigma",
            "how significantly that source is wider than the PSF: about 0 for stars, above for galaxies",
        ),
        "reference_source_is_star": (np.bool_, "", "that source's shape agrees with the PSF"),
        "saturated_distance": (_f4, "arcsec", "to the nearest saturated pixel of new image or reference"),
        "saturated_pixels": (_f4, "", "saturated pixels of that star: NaN without, the more the brighter"),
        "saturated_magnitude": (
            _f4,
            "mag",
            "of that star in the star catalogue's main band, where it has it",
        ),
        "spike_distance": (_f4, "arcsec", "to the nearest diffraction spike, from its axis"),
        "star_id": (np.str_, "", "nearest star of the star catalogue that the astrometry used"),
        "star_distance": (_f4, "arcsec", "to that star, where it was at the time of the image"),
        "star_magnitude": (_f4, "mag", "of that star, in the catalogue's main band"),
        "star_variable": (_i2, "", "1 if the catalogue calls it variable, 0 if not, -1 if it does not say"),
        "star_proper_motion": (_f4, "mas/yr", "of that star"),
        "galaxy_id": (np.str_, "", "nearest galaxy, by the name that the catalogue of galaxies gives it"),
        "galaxy_distance": (_f4, "arcsec", "to that galaxy"),
        "galaxy_magnitude": (_f4, "mag", "of that galaxy, in its catalogue's main band or in the reference"),
        "asteroid": (np.str_, "", "nearest known asteroid"),
        "asteroid_distance": (_f4, "arcsec", "to where that asteroid is predicted"),
        "asteroid_magnitude": (_f4, "mag", "predicted for that asteroid, in V"),
        "asteroid_motion": (_f4, "arcsec/h", "of that asteroid across the sky"),
        "airmass": (_f4, "", "at mid-exposure"),
        "parallactic_angle": (
            _f4,
            "deg",
            "from north to the zenith, through east, at mid-exposure: along it refraction moves colours apart",
        ),
    }

    def unit(self, name: str) -> str:
        """Return the unit of a column; that of fluxes is the table's own."""
        declared = super().unit(name)
        return str(self.meta.get("flux_unit", declared)) if declared == "nJy" else declared
