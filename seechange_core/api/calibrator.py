"""Corrections and measurements in the chain, by stage."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, ClassVar

from seechange_core.api.component import Component
from seechange_core.api.instrument import FilterTransformation, Instrument
from seechange_core.errors import InputError
from seechange_core.frames import (
    BackgroundModel,
    Calibration,
    ColumnTable,
    Frame,
    PhotometricSolution,
    PsfModel,
    SectionData,
    SkyMapping,
    SourceTable,
    StarTable,
)


class Calibrator(Component, abc.ABC):
    """Base class of all calibrators; implement one of the subclasses below.

    Attributes
    ----------
    stage : str
        Where in the chain it can be named.
    """

    kind: ClassVar[str] = "calibrator"
    stage: ClassVar[str] = ""


class Detrender(Calibrator):
    """One correction on the way from raw pixels to electrons with variance and mask."""

    stage: ClassVar[str] = "detrend"
    #: True if it also applies to images that came calibrated; others undo what their provider has already undone.
    for_calibrated: ClassVar[bool] = False

    def calibrations(self) -> tuple[str, ...]:
        """Return the kinds of calibration file that `apply` cannot do without, such as ``("bias",)``."""
        return ()

    def applies_to(self, section: SectionData) -> bool:
        """Tell whether a section as read needs this correction; if not, its calibration files are not asked for."""
        return self.for_calibrated or not section.calibrated

    def read_tables(self, kind: str, text: str, instrument: Instrument) -> dict[str, ColumnTable]:
        """Return the tables that a text file of one of its kinds of calibration holds, by section.

        Kinds that are images keep this default.

        Parameters
        ----------
        kind : str
            One of `calibrations`.
        text : str
            Content of the file.
        instrument : Instrument
            Knows what amplifiers are called.

        Raises
        ------
        InputError
            If the text is not such a file; names the line.
        """
        raise InputError(f"{self.name} takes its {kind} from FITS images, not from a text file")

    @abc.abstractmethod
    def apply(self, section: SectionData, calibrations: Mapping[str, Calibration]) -> SectionData:
        """Return the corrected section, with this correction appended to ``applied`` if, and only if, it was done.

        Parameters
        ----------
        section : SectionData
            As the corrections before left it; it is not changed.
        calibrations : mapping of str to CalibrationFrame or CalibrationTable
            By kind; at least those that `calibrations` names.

        Raises
        ------
        Rejected
            If the pixels are beyond use.
        """


class BackgroundEstimator(Calibrator):
    """Measures the sky."""

    stage: ClassVar[str] = "background"

    @abc.abstractmethod
    def measure(self, image: Frame) -> BackgroundModel:
        """Measure the sky level and noise of an image, ignoring sources and unusable pixels."""


class PsfEstimator(Calibrator):
    """Measures the point-spread function."""

    stage: ClassVar[str] = "psf"

    @abc.abstractmethod
    def measure(
        self, image: Frame, sources: SourceTable, supplied: PsfModel | None
    ) -> tuple[PsfModel, dict[str, Any]]:
        """Measure the PSF of a background-subtracted image.

        Parameters
        ----------
        image : Frame
            Background subtracted.
        sources : SourceTable
            First list of sources: positions, fluxes and shapes; PSF fluxes are not known yet (aperture fluxes instead).
        supplied : PsfModel or None
            What came with the file.

        Returns
        -------
        PsfModel
            Normalised to 1 within 5 FWHM.
        dict
            Metrics, among them ``stars`` (int array of the rows used).

        Raises
        ------
        Rejected
            If too few stars are fit for it.
        """


class AstrometrySolver(Calibrator):
    """Finds the mapping from pixels to the sky."""

    stage: ClassVar[str] = "astrometry"
    #: False if it never looks at stars.
    needs_catalog: ClassVar[bool] = True

    @property
    def frame(self) -> str:
        """File name of the exposure whose sources take the place of catalogue stars; empty for a catalogue."""
        return ""

    @abc.abstractmethod
    def solve(
        self, image: Frame, sources: SourceTable, first: SkyMapping | None, stars: StarTable | None
    ) -> tuple[SkyMapping, dict[str, Any]]:
        """Return the mapping and metrics (``n_stars``, ``rms_mas`` ...).

        A metric ``matched_stars``, a `MatchedStarTable`, becomes a product of its own.

        Raises
        ------
        Rejected
            If no solution can be trusted.
        """


class PhotometrySolver(Calibrator):
    """Finds the zero point."""

    stage: ClassVar[str] = "photometry"
    #: False if it never looks at stars.
    needs_catalog: ClassVar[bool] = True

    @property
    def frame(self) -> str:
        """File name of the exposure whose sources take the place of catalogue stars; empty for a catalogue."""
        return ""

    @abc.abstractmethod
    def solve(
        self,
        image: Frame,
        sources: SourceTable,
        mapping: SkyMapping,
        stars: StarTable | None,
        transformation: FilterTransformation | None,
    ) -> tuple[PhotometricSolution, dict[str, Any]]:
        """Return the solution and metrics.

        Parameters
        ----------
        transformation : FilterTransformation or None
            From Gaia to the image's filter, where the instrument has one; a catalogue that has the filter's own
            magnitudes (``mag_<filter>``) does not need it.

        Raises
        ------
        Rejected
            If too few stars match.
        """
