"""The PSF model that came with the image."""

from __future__ import annotations

from typing import Any, ClassVar

from seechange_core.api import PsfEstimator, Rejected
from seechange_core.frames import Frame, PsfModel, SourceTable


class SuppliedPsf(PsfEstimator):
    """Trusts the PSF model that came with the image, brought to the normalisation of all fluxes."""

    name: ClassVar[str] = "supplied"
    version: ClassVar[str] = "1.0"

    def measure(
        self, image: Frame, sources: SourceTable, supplied: PsfModel | None
    ) -> tuple[PsfModel, dict[str, Any]]:
        """Normalise what was supplied to 1 within 5 FWHM; measures its goodness nowhere.

        Raises
        ------
        Rejected
            If nothing was supplied, or its light does not add up.
        """
        from seechange_core.imaging.psf.normalisation import normalised, recentred

        if supplied is None:
            raise Rejected("no PSF model came with the image; use the estimator pixelgrid")
        try:
            model = normalised(recentred(supplied, image.shape))
        except ValueError as error:
            raise Rejected(f"the PSF model that came with the image cannot be used: {error}") from error
        return model, {"stars": []}
