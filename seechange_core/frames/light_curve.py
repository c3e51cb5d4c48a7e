"""Light curves."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from seechange_core.frames.table import ColumnTable

_f8, _f4 = np.float64, np.float32


class LightCurveTable(ColumnTable):
    """The fluxes of an object in the order of time, one row an image.

    Fluxes are in the row's ``flux_unit``, which is ``meta["flux_unit"]`` where all rows have the same; only nJy have
    magnitudes. What is not known is NaN.
    """

    COLUMNS: ClassVar = {
        "mjd": (_f8, "day", "mid-exposure, MJD (UTC)"),
        "bjd_tdb": (_f8, "day", "mid-exposure as seen from the barycentre, BJD (TDB)"),
        "filter": (np.str_, "", "of the image"),
        "flux": (_f8, "nJy", "PSF flux in the difference: what it is brighter than in the reference"),
        "flux_error": (_f8, "nJy", "1 sigma"),
        "flux_unit": (np.str_, "", "nJy, relative to one exposure, or electron of the image itself"),
        "magnitude": (_f4, "mag AB", "of the flux in the difference, where it is positive by 3 sigma"),
        "magnitude_error": (_f4, "mag", "1 sigma"),
        "limiting_magnitude": (
            _f4,
            "mag AB",
            "of the search at this place: how faint a source is still found",
        ),
        "limit_kind": (np.str_, "", "injected: half of the injected sources are found; noise: 5 sigma"),
        "baseline": (_f8, "nJy", "mean flux of epochs outside the event, of the same filter and reference"),
        "baseline_error": (_f8, "nJy", "1 sigma"),
        "reference_flux": (_f8, "nJy", "PSF flux of the reference's own source there; NaN where it has none"),
        "reference_flux_error": (_f8, "nJy", "1 sigma, the same for all images with this reference"),
        "total_flux": (_f8, "nJy", "flux in the difference and in the reference together"),
        "total_flux_error": (_f8, "nJy", "1 sigma"),
        "total_magnitude": (_f4, "mag AB", "of the total flux, where it is positive by 3 sigma"),
        "total_magnitude_error": (_f4, "mag", "1 sigma"),
        "badness": (np.int64, "", "what is wrong with the image, as flags of Badness; 0 for nothing"),
        "displaced": (
            np.int64,
            "",
            "1 if the object has moved by more than 0.03 FWHM since its flux was measured there, else 0",
        ),
        "image_id": (np.str_, "", "of the difference image"),
        "reference_image_id": (np.str_, "", "of the reference"),
    }

    def unit(self, name: str) -> str:
        """Return the unit of a column; that of fluxes is the table's own, if all rows have the same."""
        declared = super().unit(name)
        return str(self.meta.get("flux_unit", "")) if declared == "nJy" else declared
