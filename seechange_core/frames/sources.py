"""Tables of sources on an image, of stars in a catalogue, and of measured candidates."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from seechange_core.frames.arrays import Floats
from seechange_core.frames.table import ColumnTable

_f8, _f4, _i4, _i2 = np.float64, np.float32, np.int32, np.uint16


class SourceTable(ColumnTable):
    """Sources found on one image.

    ``meta`` holds ``aperture_radii`` (list, pixel), ``aperture_correction`` (magnitudes to add to the magnitude in the
    largest aperture to arrive at the PSF normalisation) and ``limiting_flux_electron`` (5 sigma, PSF, on empty sky).
    ``aperture_flux`` and ``aperture_flux_error`` are further columns of shape (n, number of radii).
    """

    COLUMNS: ClassVar = {
        "x": (_f8, "pixel", "position; the centre of the first pixel is 0"),
        "y": (_f8, "pixel", "position; the centre of the first pixel is 0"),
        "x_error": (_f4, "pixel", "1 sigma"),
        "y_error": (_f4, "pixel", "1 sigma"),
        "flux": (_f8, "electron", "PSF flux"),
        "flux_error": (_f8, "electron", "1 sigma"),
        "snr": (_f4, "", "PSF flux divided by its error"),
        "a": (_f4, "pixel", "rms along the major axis"),
        "b": (_f4, "pixel", "rms along the minor axis"),
        "theta": (_f4, "radian", "major axis, from +x to +y"),
        "peak": (_f4, "electron", "brightest pixel above the background"),
        "flags": (_i4, "", "flags of the extraction"),
        "mask": (_i2, "", "mask planes within the PSF core, combined"),
        "is_star": (np.bool_, "", "shape agrees with the PSF"),
    }


class StarTable(ColumnTable):
    """Stars of a catalogue, at one epoch (``meta["epoch_mjd"]``), ICRS.

    Magnitudes are further columns named ``mag_<band>`` with ``mag_<band>_error``; ``meta["system"]`` maps each band to
    ``"vega"`` or ``"ab"``. Where the catalogue says it there are also ``pmra`` (mas/yr, times cos(dec)), ``pmdec``
    (mas/yr) and ``variable`` (1 for a variable star, 0 for a constant one, -1 where it does not say).
    """

    COLUMNS: ClassVar = {
        "id": (np.str_, "", "the catalogue's own identifier"),
        "ra": (_f8, "deg", "right ascension at the epoch"),
        "dec": (_f8, "deg", "declination at the epoch"),
        "ra_error": (_f4, "mas", "1 sigma, times cos(dec)"),
        "dec_error": (_f4, "mas", "1 sigma"),
    }

    def main_magnitudes(self) -> Floats:
        """Return the magnitudes that faint limits are for; minus infinity where the catalogue has none.

        They are in the band ``meta["main_band"]`` (``"G"`` where it is not said), or else in the first that there is.
        """
        bands = [name[4:] for name in self if name.startswith("mag_") and not name.endswith("_error")]
        if not bands:
            return np.full(self.n_rows, -np.inf)
        main = self.meta.get("main_band", "G")
        return np.asarray(self[f"mag_{main if main in bands else bands[0]}"], np.float64)


class MatchedStarTable(ColumnTable):
    """Sources of an image that the astrometry joined with stars, and how far they are from where it puts them."""

    COLUMNS: ClassVar = {
        "id": (np.str_, "", "the catalogue's own identifier"),
        "x": (_f8, "pixel", "position of the source; the centre of the first pixel is 0"),
        "y": (_f8, "pixel", "position of the source; the centre of the first pixel is 0"),
        "ra": (_f8, "deg", "right ascension of the star at the time of the image, ICRS"),
        "dec": (_f8, "deg", "declination of the star at the time of the image, ICRS"),
        "magnitude": (_f4, "mag", "of the star, in the catalogue's main band"),
        "east": (_f4, "mas", "residual, star minus source, to the east"),
        "north": (_f4, "mas", "residual, star minus source, to the north"),
        "error": (_f4, "mas", "1 sigma of a residual along one axis, of source and star together"),
        "used": (np.bool_, "", "not clipped: has a say in the solution"),
    }


class DetectionTable(ColumnTable):
    """Peaks in a difference image, of either sign."""

    COLUMNS: ClassVar = {
        "x": (_f8, "pixel", "peak of the score, refined"),
        "y": (_f8, "pixel", "peak of the score, refined"),
        "score": (_f4, "sigma", "at the peak, divided by noise; negative where the sky became fainter"),
        "noise": (_f4, "", "scatter of the score around; 1 unless it is larger than it should be"),
        "n_pixels": (_i4, "", "pixels beyond the threshold that belong to the peak"),
        "footprint": (_i4, "", "number of the connected area; blended neighbours share one"),
        "mask": (_i2, "", "mask planes within the PSF core, combined"),
        "unusable_fraction": (_f4, "", "part of the PSF core's pixels that is unusable"),
    }


class MeasurementTable(ColumnTable):
    """Candidates, measured on the difference image.

    ``meta["flux_unit"]`` says what fluxes are in: ``"nJy"`` (then ``meta["calibrated"]`` is true and there are
    magnitudes), ``"relative"`` (electrons of the exposure ``meta["relative_to"]``) or ``"electron"`` (of the image
    itself). ``meta["sky_frame"]`` says what sky positions are in: ``"icrs"``, or ``"relative"`` to the nominal pointing
    of an exposure; they are NaN without a WCS. What cannot be measured is NaN.

    ``aperture_fluxes`` and ``aperture_flux_errors`` are further columns of shape (n, number of radii), in the unit of
    fluxes and corrected to the PSF normalisation; ``meta["aperture_radii"]`` (pixel) holds the radii.
    """

    COLUMNS: ClassVar = {
        "x": (_f8, "pixel", "position by PSF fit"),
        "y": (_f8, "pixel", "position by PSF fit"),
        "x_error": (_f4, "pixel", "1 sigma"),
        "y_error": (_f4, "pixel", "1 sigma"),
        "ra": (_f8, "deg", "ICRS"),
        "dec": (_f8, "deg", "ICRS"),
        "position_error_arcsec": (_f4, "arcsec", "1 sigma along one axis, error of the mapping included"),
        "flux": (_f8, "nJy", "PSF flux; negative where the sky became fainter"),
        "flux_error": (_f8, "nJy", "1 sigma"),
        "aperture_flux": (_f8, "nJy", "flux within one FWHM radius, corrected to the PSF normalisation"),
        "aperture_flux_error": (_f8, "nJy", "1 sigma"),
        "new_flux": (_f8, "nJy", "light of the new image within one FWHM radius, as it is"),
        "reference_flux": (_f8, "nJy", "light of the aligned reference within one FWHM radius, as it is"),
        "new_psf_flux": (_f8, "nJy", "PSF flux of the new image at the position"),
        "new_psf_flux_error": (_f8, "nJy", "1 sigma"),
        "reference_psf_flux": (_f8, "nJy", "PSF flux of the aligned reference at the position"),
        "reference_psf_flux_error": (_f8, "nJy", "1 sigma"),
        "magnitude": (_f4, "mag AB", "of the absolute PSF flux; NaN where that is below 3 sigma"),
        "magnitude_error": (_f4, "mag", "1 sigma"),
        "limiting_magnitude": (_f4, "mag AB", "of a PSF flux of 5 sigma at the position"),
        "score": (_f4, "sigma", "of the detection"),
        "translient": (_f4, "sigma", "highest significance of motion beside the peak; NaN unless asked for"),
        "stamp": (_i4, "", "row of its stamps"),
        "snr": (_f4, "", "PSF flux divided by its error"),
        "chi2": (_f4, "", "reduced chi-square of the PSF fit"),
        "misfit": (_f4, "", "residuals of the PSF fit beyond the noise, relative to the signal"),
        "width_ratio": (_f4, "", "Gaussian-weighted width divided by that of the PSF"),
        "elongation": (_f4, "", "major divided by minor axis, Gaussian weighted"),
        "moment_xx": (_f4, "pixel^2", "second moment with an adaptive Gaussian weight; NaN where none fits"),
        "moment_yy": (_f4, "pixel^2", "the same along y"),
        "moment_xy": (_f4, "pixel^2", "the same, mixed"),
        "adaptive_width_ratio": (_f4, "", "width by adaptive moments divided by that of the PSF"),
        "peak_ratio": (
            _f4,
            "",
            "brightest pixel of the core relative to the fitted PSF's: high for cosmic rays",
        ),
        "dipole_fraction": (
            _f4,
            "",
            "flux of the strongest opposite source within 1.5 FWHM, relative to its own",
        ),
        "dipole_flux": (_f8, "nJy", "of the source, if two of opposite sign are fitted; positive"),
        "dipole_opposite_flux": (_f8, "nJy", "of the one of opposite sign; positive"),
        "dipole_separation": (_f4, "pixel", "distance of the two"),
        "dipole_chi2_gain": (
            _f4,
            "",
            "by how much two sources fit better than one: difference of chi-square",
        ),
        "edge_distance": (_f4, "pixel", "to the nearest edge of the image"),
        "n_bad": (_i4, "", "unusable pixels within 2 FWHM"),
        "n_negative": (_i4, "", "pixels beyond 2 sigma of the opposite sign within 2 FWHM"),
        "unusable_fraction": (_f4, "", "part of the PSF core's pixels that is unusable"),
        "mask": (_i2, "", "mask planes within the PSF core, combined"),
        "psf_like": (np.bool_, "", "no cut flags it"),
    }

    @property
    def flux_unit(self) -> str:
        """What fluxes are in: ``"nJy"``, ``"relative"`` or ``"electron"``."""
        return str(self.meta.get("flux_unit", "nJy" if self.meta.get("calibrated") else "electron"))

    @property
    def sky_frame(self) -> str:
        """What sky positions are in: ``"icrs"`` or ``"relative"``."""
        return str(self.meta.get("sky_frame", "icrs"))

    def unit(self, name: str) -> str:
        """Return the unit of a column; that of fluxes is the table's own."""
        declared = super().unit(name)
        return self.flux_unit if declared == "nJy" else declared


class ScoreTable(ColumnTable):
    """Opinions of scorers: one row for each candidate and scorer, scorer by scorer."""

    COLUMNS: ClassVar = {
        "row": (_i4, "", "row of the candidate in the measurements, from 0"),
        "scorer": (np.str_, "", "name of the scorer"),
        "version": (np.str_, "", "version of the scorer"),
        "score": (_f8, "", "0 (bogus) to 1 (real)"),
        "info": (np.str_, "", "details in JSON"),
    }
