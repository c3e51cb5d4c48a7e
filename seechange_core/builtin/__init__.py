"""First-party components, which come in through the same door as a plugin's."""

from __future__ import annotations

from seechange_core.api import Calibrator, Instrument, StarCatalog, hookimpl
from seechange_core.builtin import detrending
from seechange_core.builtin.astrometry_header import HeaderAstrometry
from seechange_core.builtin.astrometry_relative import RelativeAstrometry
from seechange_core.builtin.astrometry_stars import StarsAstrometry
from seechange_core.builtin.background_sep import SepBackground
from seechange_core.builtin.catalog_file import FileCatalog
from seechange_core.builtin.catalog_gaia import GaiaDr3
from seechange_core.builtin.catalog_hats import HatsCatalog
from seechange_core.builtin.catalog_survey import Survey
from seechange_core.builtin.fits_images import FitsImages
from seechange_core.builtin.photometry_relative import RelativePhotometry
from seechange_core.builtin.photometry_stars import StarsPhotometry
from seechange_core.builtin.psf_pixelgrid import PixelGridPsf
from seechange_core.builtin.psf_supplied import SuppliedPsf
from seechange_core.builtin.simcam import Simcam


@hookimpl
def register_instruments() -> list[type[Instrument]]:
    """Return the simulated camera and the reader of calibrated images."""
    return [FitsImages, Simcam]


@hookimpl
def register_calibrators() -> list[type[Calibrator]]:
    """Return the standard corrections and measurements."""
    corrections = [getattr(detrending, name) for name in detrending.__all__]
    measurements = [
        SepBackground,
        PixelGridPsf,
        SuppliedPsf,
        HeaderAstrometry,
        RelativeAstrometry,
        StarsAstrometry,
        RelativePhotometry,
        StarsPhotometry,
    ]
    return [*corrections, *measurements]


@hookimpl
def register_catalogs() -> list[type[StarCatalog]]:
    """Return Gaia's archive, surveys with griz, and catalogues in local files."""
    return [FileCatalog, GaiaDr3, HatsCatalog, Survey]
