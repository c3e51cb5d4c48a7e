"""Calibrated single-CCD images from anywhere: the profile says where their header keeps what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from string import Formatter
from typing import Any, ClassVar, Literal

from pydantic import field_validator

from seechange_core.api import ExposureHeader, InputError, Instrument, Params, parameter
from seechange_core.frames import MaskPlane, SectionData, SkyMapping
from seechange_core.imaging.astrometry.wcs_cards import mapping_from_cards

Extension = int | str
#: What the names of weight maps and masks can be built from.
_PLACEHOLDERS = ("stem", "name")


class FitsParams(Params):
    """Where `FitsImages` finds what; a constant that is given wins over its keyword."""

    file_pattern: str = parameter("*.fit*", description="Names of the files that are exposures")
    extension: Extension = parameter(0, description="Extension of the pixels, by number or EXTNAME")
    section: str = parameter("image", description="What to call the only section", min_length=1)
    time_keyword: str = parameter("DATE-OBS", description="Keyword of the time of observation (UTC)")
    time_format: Literal["iso", "mjd", "jd"] = parameter("iso", description="Format of the time")
    time_is: Literal["start", "middle"] = parameter("start", description="What the time says of the exposure")
    exposure_keyword: str = parameter("EXPTIME", description="Keyword of the exposure time (second)")
    exposure_s: float | None = parameter(None, description="Exposure time", unit="second", gt=0)
    filter_keyword: str = parameter("FILTER", description="Keyword of the filter")
    filter: str | None = parameter(None, description="Filter of all images")
    gain_keyword: str = parameter("GAIN", description="Keyword of the gain (electron per ADU)")
    gain: float | None = parameter(None, description="Electrons per ADU", unit="electron/adu", gt=0)
    read_noise_keyword: str = parameter("RDNOISE", description="Keyword of the read noise (electron)")
    read_noise_electron: float | None = parameter(
        None, description="Read noise of all images", unit="electron", ge=0
    )
    saturation_keyword: str = parameter(
        "SATURATE", description="Keyword of the saturation level (as the pixels)"
    )
    saturation: float | None = parameter(
        None, description="Saturation level, in the unit of the pixels", gt=0
    )
    unit: Literal["adu", "electron"] = parameter("adu", description="Unit of the pixels")
    per_second: bool = parameter(
        False, description="Pixels are per second and are multiplied by the exposure time"
    )
    weight_extension: Extension | None = parameter(None, description="Extension of the weight map")
    weight_file: str | None = parameter(
        None, description="File of the weight map beside the image, such as {stem}.weight.fits"
    )
    weight_type: Literal["variance", "inverse_variance", "relative"] = parameter(
        "inverse_variance", description="What the weight map holds; in each of them 0 marks a pixel as bad"
    )
    mask_extension: Extension | None = parameter(None, description="Extension of the mask")
    mask_file: str | None = parameter(
        None, description="File of the mask beside the image, such as {stem}.mask.fits"
    )
    mask_bits: dict[str, int] = parameter(
        {},
        description="For planes of the mask (bad, saturated, cosmic_ray ...) the bits of the file's mask that mean it; "
        "empty: whatever is not 0 is bad",
    )

    @field_validator("weight_file", "mask_file")
    @classmethod
    def _known_placeholders(cls, value: str | None) -> str | None:
        named = {name for _, name, _, _ in Formatter().parse(value or "") if name is not None}
        unknown = sorted(named.difference(_PLACEHOLDERS))
        if unknown:
            wrong, known = (
                " and ".join(f"{{{name}}}" for name in names) for names in (unknown, _PLACEHOLDERS)
            )
            raise ValueError(f"no placeholder is called {wrong}; there are {known}")
        return value

    @field_validator("mask_bits")
    @classmethod
    def _known_planes(cls, value: dict[str, int]) -> dict[str, int]:
        unknown = [name for name in value if name.upper() not in MaskPlane.__members__]
        if unknown:
            planes = ", ".join(name.lower() for name in MaskPlane.__members__)
            raise ValueError(f"no mask plane is called {', '.join(unknown)}; there are {planes}")
        return value


class FitsImages(Instrument):
    """Reads reduced images of one CCD with variance and mask where they exist."""

    name: ClassVar[str] = "fits"
    version: ClassVar[str] = "1.0"
    Params: ClassVar[type[Params]] = FitsParams

    def recognises(self, path: Path) -> bool:
        """Go by the name, as the parameter ``file_pattern`` says."""
        return fnmatch(path.name, self.params.file_pattern)

    def files_of(self, path: Path) -> tuple[Path, ...]:
        """Return the image, then its weight map and its mask where they are files of their own."""
        files = [path]
        for pattern in (self.params.weight_file, self.params.mask_file):
            if pattern is not None:
                beside = path.with_name(pattern.format(stem=path.stem, name=path.name))
                if not beside.exists():
                    raise InputError(
                        f"{path}: {beside.name} is missing beside it (the profile's pattern {pattern!r})"
                    )
                files.append(beside)
        return tuple(files)

    def read_header(self, files: Sequence[Path]) -> ExposureHeader:
        """Read what the header says, with the keywords that the parameters name."""
        from seechange_core.builtin import fits_image_files

        return fits_image_files.read_header(files[0], self.params)

    def read(self, files: Sequence[Path], section: str) -> SectionData:
        """Read pixels, weight map and mask."""
        from seechange_core.builtin import fits_image_files

        return fits_image_files.read_section(files, section, self.params)

    def read_section_header(self, files: Sequence[Path], section: str) -> Mapping[str, Any]:
        """Read the cards of the primary header and, over them, those of the image's extension."""
        from seechange_core.builtin import fits_image_files

        return fits_image_files.read_image_cards(files[0], self.params)

    def first_mapping(self, header: Mapping[str, Any], info: Mapping[str, Any]) -> SkyMapping | None:
        """Return the header's own WCS; None if it has none."""
        return mapping_from_cards(header) if "CTYPE1" in header else None
