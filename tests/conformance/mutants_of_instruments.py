"""Wrong versions of the cameras."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from seechange_core.builtin.simcam import Simcam
from seechange_core.frames import Amplifier, Box, SectionData, SkyMapping
from seechange_core.testing import InstrumentConformance
from seechange_decam import Decam
from seechange_ls4 import Ls4
from tests.conformance.mutants import Mutant, after


class OfSimcam(InstrumentConformance):
    component = Simcam


class OfDecam(InstrumentConformance):
    component = Decam
    simulation = {"sections": ("N4",)}


class OfLs4(InstrumentConformance):
    component = Ls4
    simulation = {"sections": ("NE_A",)}


def with_amplifiers(original: type[InstrumentConformance], change: Any) -> dict[str, Any]:
    def changed(section: SectionData, *_: Any) -> SectionData:
        return section.replaced(amplifiers=tuple(change(list(section.amplifiers))))

    return {"read": after(original.component.read, changed)}


def swapped(amplifiers: list[Amplifier]) -> list[Amplifier]:
    first, second = amplifiers
    return [replace(first, trimmed=second.trimmed), replace(second, trimmed=first.trimmed)]


def shifted(box: Box) -> Box:
    return (
        Box(box.y0 - 1, box.y1 - 1, box.x0, box.x1) if box.y0 else Box(box.y0, box.y1, box.x0 + 1, box.x1 + 1)
    )


def mirrored(mapping: SkyMapping, *_: Any) -> SkyMapping:
    return replace(mapping, cd=mapping.cd @ np.diag([-1.0, 1.0]))


def start_of_exposure(header: Any, *_: Any) -> Any:
    return replace(header, mjd=header.mjd - header.exposure_s / 2 / 86400)


def without_error(self: Any, files: Any, section: str) -> SectionData:
    return Simcam.read(self, files, section if section in self.sections else "C1")


MUTANTS = [
    Mutant("the y axis is flipped", OfDecam,
           with_amplifiers(OfDecam, lambda all: [replace(one, flip_y=not one.flip_y) for one in all]),
           "test_stars_are_where_the_truth_has_them"),
    Mutant("an amplifier is not flipped", OfSimcam,
           with_amplifiers(OfSimcam, lambda all: [replace(one, flip_x=False) for one in all]),
           "test_stars_are_where_the_truth_has_them"),
    Mutant("two amplifiers are exchanged", OfDecam, with_amplifiers(OfDecam, swapped),
           "test_stars_are_where_the_truth_has_them"),
    Mutant("boxes are off by one pixel", OfLs4,
           with_amplifiers(OfLs4, lambda all: [replace(one, data=shifted(one.data)) for one in all]),
           "test_stars_are_where_the_truth_has_them"),
    Mutant("an amplifier is forgotten", OfDecam, with_amplifiers(OfDecam, lambda all: all[:1]),
           "test_amplifiers_fill_the_section"),
    Mutant("the gain is ADU per electron", OfDecam,
           with_amplifiers(OfDecam, lambda all: [replace(one, gain=1 / one.gain) for one in all]),
           "test_noise_of_the_overscan_is_the_read_noise"),
    Mutant("the time is the start of the exposure", OfLs4, {"read_header": after(Ls4.read_header, start_of_exposure)},
           "test_time_is_mid_exposure"),
    Mutant("sections overlap", OfDecam,
           {"sections": {name: replace(one, east_deg=0.9 * one.east_deg) for name, one in Decam.sections.items()}},
           "test_sections_do_not_overlap"),
    Mutant("the sky is mirrored", OfSimcam, {"first_mapping": after(Simcam.first_mapping, mirrored)},
           "test_first_mapping_has_scale_and_orientation_of_the_truth"),
    Mutant("the pixel scale is in degrees", OfLs4, {"pixel_scale_arcsec": Ls4.pixel_scale_arcsec / 3600},
           "test_first_mapping_has_scale_and_orientation_of_the_truth"),
    Mutant("a section's geometry has the wrong sign", OfDecam,
           {"sections": {name: replace(one, north_deg=-one.north_deg) for name, one in Decam.sections.items()}},
           "test_sections_lie_where_the_mapping_has_them"),
    Mutant("every FITS file is its own", OfSimcam, {"recognises": lambda self, path: path.suffix == ".fits"},
           "test_it_recognises_its_own_files_only"),
    Mutant("an unknown section is taken for the first", OfSimcam, {"read": without_error},
           "test_unknown_section_is_an_input_error"),
    Mutant("the filter has its long name", OfDecam,
           {"read_header": after(Decam.read_header, lambda header, *_: replace(header, filter="r DECam SDSS"))},
           "test_header_makes_sense"),
    Mutant("the profile has a misspelt key", OfLs4,
           {"default_profile": classmethod(lambda cls: "preprocesing: {use: [gain, noise]}")},
           "test_default_profile_is_valid"),
]  # fmt: skip
