"""The Dark Energy Camera for SeeChange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any, ClassVar

from seechange_core.api import (
    ExposureHeader,
    FilterTransformation,
    InputError,
    Instrument,
    Params,
    SectionGeometry,
    Site,
    hookimpl,
    parameter,
)
from seechange_core.frames import PsfModel, SectionData, SkyMapping
from seechange_decam.file_names import FileName
from seechange_decam.geometry import (
    CCD_NUMBERS,
    PIXEL_SCALE_ARCSEC,
    SECTIONS,
    filter_wavelengths,
    gaia_transformations,
)


class DecamParams(Params):
    """Parameters of `Decam`."""

    psf_folder: Path | None = parameter(
        None,
        description="Folder with the PSFEx models of products; by default they are looked for beside the images",
        # A model that is used enters the identity of what is made with it by its content.
        critical=False,
    )


class Decam(Instrument):
    """The Dark Energy Camera on the 4-m Blanco telescope: raw exposures and products of the community pipeline."""

    name: ClassVar[str] = "decam"
    version: ClassVar[str] = "1.1"
    Params: ClassVar[type[Params]] = DecamParams
    sections: ClassVar[Mapping[str, SectionGeometry]] = SECTIONS
    filters: ClassVar[tuple[str, ...]] = tuple(filter_wavelengths())
    wavelengths_nm: ClassVar[Mapping[str, float]] = filter_wavelengths()
    transformations: ClassVar[Mapping[str, FilterTransformation]] = gaia_transformations()
    site: ClassVar[Site | None] = Site(longitude_deg=-70.81489, latitude_deg=-30.16606, elevation_m=2215.0)
    pixel_scale_arcsec: ClassVar[float] = PIXEL_SCALE_ARCSEC

    def recognises(self, path: Path) -> bool:
        """Go by the name: ``c4d_<date>_<time>_ori...`` (raw), ``_ooi_``, ``_oow_``, ``_ood_`` (products)."""
        return FileName.parse(path) is not None

    def files_of(self, path: Path) -> tuple[Path, ...]:
        """Return a raw file alone, and of a product image, weight and mask, as far as they exist.

        Raises
        ------
        InputError
            If the image is missing.
        """
        name = FileName.parse(path)
        if name is None or not name.is_product:
            return (path,)
        files = name.companions()
        if not files or "_ooi" not in files[0].name:
            raise InputError(
                f"{path.with_name(name.stem('ooi') + name.ccd)}.fits is missing: {path.name} needs it"
            )
        return files

    def read_header(self, files: Sequence[Path]) -> ExposureHeader:
        """Read the primary header; S30 is left out where it did not work."""
        header: ExposureHeader = import_module("seechange_decam.headers").read_header(files[0])
        return header

    def read(self, files: Sequence[Path], section: str) -> SectionData:
        """Read the pixels of one CCD; of a product also its mask."""
        name = FileName.parse(files[0])
        data: SectionData
        if name is not None and name.is_product:
            data = import_module("seechange_decam.products").read_product(tuple(files), section)
        else:
            data = import_module("seechange_decam.raw").read_raw(files[0], section)
        return data

    def read_section_header(self, files: Sequence[Path], section: str) -> Mapping[str, Any]:
        """Read the cards of the primary header and of one CCD's own."""
        cards: Mapping[str, Any] = import_module("seechange_decam.headers").section_cards(files[0], section)
        return cards

    def first_mapping(self, header: Mapping[str, Any], info: Mapping[str, Any]) -> SkyMapping | None:
        """Return the header's own WCS (TPV), or where it has none the nominal geometry at its pointing."""
        mapping: SkyMapping = import_module("seechange_decam.headers").first_mapping(
            header, str(info["section"])
        )
        return mapping

    def section_named(self, name: str) -> str:
        """Return the CCD of an id or a number (CCDNUM), as tables of defects have it: ``"S29"``, ``"1"``, ``"ccd01"``.

        Raises
        ------
        InputError
            If there is none.
        """
        number = name.removeprefix("ccd")
        if number.isdecimal():
            name = next((section for section, own in CCD_NUMBERS.items() if own == int(number)), name)
        return super().section_named(name)

    def amplifier_named(self, name: str) -> tuple[str, str]:
        """Return CCD and amplifier of a name as tables of crosstalk have it: ``"ccd25A"``, ``"25A"``, ``"S1A"``.

        Raises
        ------
        InputError
            If there is no such CCD or amplifier.
        """
        if name[-1:] not in {"A", "B"}:
            raise InputError(f"{name!r} is no amplifier of DECam: they are called like ccd25A")
        return self.section_named(name[:-1]), name[-1]

    def supplied_psf(self, files: Sequence[Path], section: str) -> PsfModel | None:
        """Return the PSFEx model of a product, as PSFEx normalised it; see `seechange_decam.supplied_psf`."""
        models = import_module("seechange_decam.supplied_psf")
        path = models.find_model(tuple(files), section, self.params.psf_folder)
        model: PsfModel | None = None if path is None else models.read_model(path, section)
        return model

    @classmethod
    def default_profile(cls) -> str:
        """Return the packaged profile."""
        return (package_files("seechange_decam") / "profiles" / "decam.yaml").read_text("utf-8")

    def write_simulated(self, directory: Path, *, seed: int, **options: Any) -> Path:
        """Write a simulated raw exposure with its truth; see `seechange_decam.simulated.write_exposure`."""
        path: Path = import_module("seechange_decam.simulated").write_exposure(directory, seed, **options)
        return path


@hookimpl
def register_instruments() -> list[type[Instrument]]:
    """Offer `Decam`."""
    return [Decam]
