"""Injected sources: the truth, what was found of them, and how complete a search is."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from seechange_core.frames.table import ColumnTable

#: Where fakes are: on empty sky, on a galaxy, or as a change of a star.
SKY, GALAXY, STAR = ENVIRONMENTS = ("sky", "galaxy", "star")
#: How far a fake came: a peak of the score beyond the threshold; a measurement that no cut deleted; no scorer below its
#: recommended threshold. Each includes those before it.
STAGES = ("detected", "measured", "accepted")


class FakeTable(ColumnTable):
    """Sources that were injected into an image.

    ``meta["flux_unit"]`` says what fluxes are in, as in a `MeasurementTable`. Negative fluxes are light that was taken
    away: a source that faded.
    """

    COLUMNS: ClassVar = {
        "x": (np.float64, "pixel", "position; the centre of the first pixel is 0"),
        "y": (np.float64, "pixel", "position; the centre of the first pixel is 0"),
        "ra": (np.float64, "deg", "in the frame of the image's mapping"),
        "dec": (np.float64, "deg", "in the frame of the image's mapping"),
        "flux_electron": (np.float64, "electron", "of the image; negative where light was taken away"),
        "flux": (np.float64, "nJy", "the same by the zero point at its place"),
        "magnitude": (np.float64, "mag AB", "of the absolute flux; NaN where the image is not calibrated"),
        "environment": (np.str_, "", "sky, galaxy, or star: a change of a star's brightness"),
    }

    @property
    def flux_unit(self) -> str:
        """What fluxes are in: ``"nJy"``, ``"relative"`` or ``"electron"``."""
        return str(self.meta["flux_unit"])

    def unit(self, name: str) -> str:
        """Return the unit of a column; that of fluxes is the table's own."""
        declared = super().unit(name)
        return self.flux_unit if declared == "nJy" else declared


class RecoveredTable(FakeTable):
    """Injected sources with what a search made of each."""

    COLUMNS: ClassVar = {
        **FakeTable.COLUMNS,
        "detected": (np.bool_, "", "a peak of its sign lies within the match radius"),
        "measured": (np.bool_, "", "and no cut deleted it"),
        "accepted": (np.bool_, "", "and no scorer gave it less than the threshold that it recommends"),
        "detection_score": (np.float32, "sigma", "of the peak; NaN if there is none"),
        "measured_flux": (np.float64, "nJy", "PSF flux; NaN if it was not measured"),
        "measured_flux_error": (np.float64, "nJy", "1 sigma"),
        "real": (np.float64, "", "least score that a scorer gave it, 0 to 1; NaN without"),
    }


class CompletenessTable(ColumnTable):
    """Completeness of the search of one image: one row for each environment and stage.

    The part of the sources that reach a stage is ``efficiency * Phi((m50 - m) / width + z)``, where Phi is the
    cumulative normal distribution and z makes it one half at m50. Fluxes are in ``meta["flux_unit"]``. What too few
    fakes decide is NaN.
    """

    COLUMNS: ClassVar = {
        "environment": (np.str_, "", "sky, galaxy or star"),
        "stage": (np.str_, "", "detected, measured or accepted, as in a `RecoveredTable`"),
        "n_fakes": (np.int32, "", "that were injected"),
        "n_found": (np.int32, "", "that reached the stage"),
        "magnitude50": (
            np.float64,
            "mag AB",
            "at which half reach it; NaN where the image is not calibrated",
        ),
        "flux50": (np.float64, "nJy", "at which half reach it"),
        "error50": (np.float64, "mag", "1 sigma of magnitude50, and of flux50 as a magnitude"),
        "width": (np.float64, "mag", "standard deviation of the curve's slope"),
        "width_error": (np.float64, "mag", "1 sigma"),
        "efficiency": (np.float64, "", "part of the brightest that reach it, 0 to 1"),
    }
