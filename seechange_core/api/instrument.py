"""A camera: its files, its geometry, its filters, its site."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from seechange_core.api.component import Component
from seechange_core.errors import InputError
from seechange_core.frames import PsfModel, SectionData, SkyMapping


@dataclass(frozen=True)
class SectionGeometry:
    """One CCD of a camera.

    Parameters
    ----------
    id : str
        As the camera's documents call it, e.g. ``"N3"``.
    shape : tuple of int
        Rows and columns after trimming.
    east_deg, north_deg : float
        Centre relative to the boresight on the tangent plane.
    filter : str
        Where the filter is fixed to the section; empty otherwise.
    defective : bool
        Left out unless it is asked for.
    """

    id: str
    shape: tuple[int, int]
    east_deg: float = 0.0
    north_deg: float = 0.0
    filter: str = ""
    defective: bool = False


@dataclass(frozen=True)
class Site:
    """Where a telescope stands: degrees east and north, metres above the ellipsoid."""

    longitude_deg: float
    latitude_deg: float
    elevation_m: float


@dataclass(frozen=True)
class FilterTransformation:
    """Gaia (Vega) to an instrument's AB magnitudes: m = base + sum of c_i (BP - RP)^i.

    Parameters
    ----------
    base : str
        ``"G"``, ``"BP"`` or ``"RP"``.
    colour_min, colour_max : float
        BP - RP is clipped to this range.
    coefficients : tuple of float
        Constant first.
    """

    base: str
    colour_min: float
    colour_max: float
    coefficients: tuple[float, ...]


@dataclass(frozen=True)
class ExposureHeader:
    """What a file says of its exposure, in standard names and units.

    Parameters
    ----------
    kind : str
        ``"science"``, ``"bias"``, ``"dark"`` or ``"flat"``.
    mjd : float
        Mid-exposure, UTC.
    exposure_s : float
        Open-shutter time.
    filter : str
        Short name; empty where each section has its own.
    ra_deg, dec_deg : float or None
        Pointing, ICRS.
    sections : tuple of str
        Sections whose pixels the files hold.
    project, target : str
        As far as known.
    processing : str
        ``"raw"`` or ``"calibrated"``.
    info : mapping
        Further standard names, JSON values: ``airmass``, ``exposure_type`` (the camera's own word for the kind, such as
        ``dome flat`` or ``pmskyflat``) ...
    header : mapping
        The primary header's cards.
    section_filters : mapping of str to str
        Filter by section where the camera has no single one.
    """

    kind: str
    mjd: float
    exposure_s: float
    filter: str
    ra_deg: float | None
    dec_deg: float | None
    sections: tuple[str, ...]
    project: str = ""
    target: str = ""
    processing: str = "raw"
    info: Mapping[str, Any] = field(default_factory=dict)
    header: Mapping[str, Any] = field(default_factory=dict)
    section_filters: Mapping[str, str] = field(default_factory=dict)


class Instrument(Component, abc.ABC):
    """Base class of cameras.

    Only methods that are given paths touch files; what steps use (descriptions, `first_mapping`) does not.
    """

    kind: ClassVar[str] = "instrument"
    #: Sections by id; empty if only the file knows.
    sections: ClassVar[Mapping[str, SectionGeometry]] = {}
    #: Short names of the filters.
    filters: ClassVar[tuple[str, ...]] = ()
    #: Central wavelength by filter (nm), where it is known.
    wavelengths_nm: ClassVar[Mapping[str, float]] = {}
    #: Gaia transformation by filter.
    transformations: ClassVar[Mapping[str, FilterTransformation]] = {}
    site: ClassVar[Site | None] = None
    pixel_scale_arcsec: ClassVar[float] = 0.0

    @abc.abstractmethod
    def recognises(self, path: Path) -> bool:
        """Tell from its name, or at most its header, whether a file is an exposure of this camera."""

    def files_of(self, path: Path) -> tuple[Path, ...]:
        """Return all files of the exposure that one of its files stands for, that one included.

        Raises
        ------
        InputError
            If one that must be there is missing; names it.
        """
        return (path,)

    @abc.abstractmethod
    def read_header(self, files: Sequence[Path]) -> ExposureHeader:
        """Read what the files say of their exposure.

        Raises
        ------
        InputError
            If a file is truncated or a keyword is missing or senseless; names file and keyword.
        """

    @abc.abstractmethod
    def read(self, files: Sequence[Path], section: str) -> SectionData:
        """Read one section's pixels, untouched.

        Raises
        ------
        InputError
            If the section is missing or its pixels cannot be read.
        """

    def read_section_header(self, files: Sequence[Path], section: str) -> Mapping[str, Any]:
        """Read one section's header cards, keyword to value, without its pixels where the format allows it."""
        return self.read(files, section).header

    @abc.abstractmethod
    def first_mapping(self, header: Mapping[str, Any], info: Mapping[str, Any]) -> SkyMapping | None:
        """Return a WCS to start the astrometry from, given a section's header cards and info; None if unknown."""

    def section_named(self, name: str) -> str:
        """Return the section that the camera's calibration files call by a name; by default that is its id.

        Raises
        ------
        InputError
            If there is none.
        """
        if name in self.sections:
            return name
        raise InputError(f"{self.name} has no section {name!r}; it has {', '.join(self.sections)}")

    def amplifier_named(self, name: str) -> tuple[str, str]:
        """Return section and amplifier of a name that the camera's calibration files use.

        By default that is the section's id followed by the amplifier's name, such as ``C1A``.

        Raises
        ------
        InputError
            If no section has this name.
        """
        for section in sorted(self.sections, key=len, reverse=True):
            if name.startswith(section):
                return section, name.removeprefix(section)
        raise InputError(f"{self.name} has no section that {name!r} is an amplifier of")

    def supplied_psf(self, files: Sequence[Path], section: str) -> PsfModel | None:
        """Return a PSF model that came with the files, such as PSFEx's; None if there is none."""
        return None

    @classmethod
    def default_profile(cls) -> str:
        """Return the YAML text of this camera's profile; keys that it leaves out keep the core's values."""
        return ""

    def write_simulated(self, directory: Path, *, seed: int, **options: Any) -> Path:
        """Write one small simulated raw exposure of this camera with known truth, and return its path.

        A FITS table ``<stem>.truth.fits`` beside it holds section, x, y (pixel, trimmed), ra, dec (deg) and magnitude
        in the section's filter, perhaps kind (``"star"`` ...) and flux (electron); its header has the middle of the
        exposure as EPOCH (MJD).
        """
        raise NotImplementedError(f"{self.name} cannot write simulated exposures")
