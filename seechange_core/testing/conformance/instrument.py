"""What every camera has to pass, on the exposure that it simulates of itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from seechange_core.api import InputError, Instrument
from seechange_core.errors import ProfileError
from seechange_core.frames import Box, SectionData, SkyMapping
from seechange_core.frames.mapping import project
from seechange_core.pipeline import process_schemas
from seechange_core.profile import load_profile
from seechange_core.testing.conformance import chain
from seechange_core.testing.conformance.component import ComponentConformance
from seechange_core.testing.conformance.simulated_exposure import (
    TRUTH_COLUMNS,
    SimulatedExposure,
    assembled_pixels,
    header_problems,
    offsets_of_stars,
    overlapping_sections,
)

_SECONDS_PER_DAY = 86400.0


class InstrumentConformance(ComponentConformance):
    """Contract and truth of a camera.

    Subclass it in the plugin's tests::

        class TestMine(InstrumentConformance):
            component = MyCamera

    Attributes
    ----------
    simulation : mapping
        Options for ``write_simulated``, for example one small section only.
    max_pointing_error_arcmin : float
        By which the simulated telescope misses what its header says.
    """

    component: ClassVar[type[Instrument]]
    simulation: ClassVar[Mapping[str, Any]] = {}
    max_pointing_error_arcmin: ClassVar[float] = 5.0
    manual: ClassVar[str] = "docs/how-to/write-an-instrument.md"

    @property
    def exposure(self) -> SimulatedExposure:
        """The simulated exposure."""
        try:
            return self.once("exposure", lambda: SimulatedExposure.write(self.make(), **self.simulation))
        except NotImplementedError as error:
            pytest.skip(f"{error}: implement write_simulated, and the camera is tested by its truth")

    @property
    def files(self) -> tuple[Path, ...]:
        """Its files."""
        files: tuple[Path, ...] = self.make().files_of(self.exposure.path)
        return files

    @property
    def section(self) -> str:
        """The first section that was exposed to stars."""
        return str(self.exposure.truth["section"][0])

    @property
    def raw(self) -> SectionData:
        """The section as read."""
        return self.once("raw", lambda: self.make().read(self.files, self.section))

    @property
    def mapping(self) -> SkyMapping:
        """The section's first mapping."""
        mapping = self.make().first_mapping(self.raw.header, self.raw.info)
        if mapping is None:
            pytest.skip("the camera knows no first mapping")
        found: SkyMapping = mapping
        return found

    def ordinary_input(self) -> tuple[tuple[Path, ...], str]:
        """Return files and section."""
        return self.files, self.section

    def run(self, component: Instrument, given: tuple[tuple[Path, ...], str]) -> Any:
        """Read header and pixels."""
        return component.read_header(given[0]), component.read(*given)

    def test_default_profile_is_valid(self) -> None:
        """Its keys exist and its values are in their bounds."""
        try:
            load_profile(
                chain.registry_with(self.component),
                process_schemas(),
                instrument=self.component.name,
                environment={},
            )
        except ProfileError as error:
            # What only a survey can know may be left to its own profile.
            wrong = [problem for problem in error.problems if "a value must be given" not in problem]
            self.require(not wrong, "the default profile is not valid", wrong, "seechange profile check")

    def test_truth_is_complete(self) -> None:
        """The columns that the other tests go by, and the time."""
        exposure = self.exposure
        missing = [name for name in TRUTH_COLUMNS if name not in exposure.truth]
        missing += [] if np.isfinite(exposure.mjd) else ["EPOCH (MJD, mid-exposure) in the header"]
        self.require(
            not missing,
            "the truth lacks something",
            ", ".join(missing),
            "what write_simulated's contract says",
        )

    def test_it_recognises_its_own_files_only(self) -> None:
        """Else the exposures of another camera would be taken for its own."""
        camera, path = self.make(), self.exposure.path
        others = [
            path.with_name("image.fits"),
            path.with_name(f"{path.name}.txt"),
            *path.parent.glob("*.truth.fits"),
        ]
        self.require(
            camera.recognises(path) and not any(camera.recognises(other) for other in others),
            "files are not told apart",
            [one.name for one in (path, *others) if camera.recognises(one)],
            [path.name],
        )

    def test_every_file_stands_for_the_exposure(self) -> None:
        """People name any of them."""
        camera = self.make()
        found = {camera.files_of(path) for path in self.files}
        self.require(found == {self.files}, "files of one exposure give several exposures", len(found), 1)

    def test_header_makes_sense(self) -> None:
        """Standard names and units, whatever the file has."""
        header = self.make().read_header(self.files)
        problems = header_problems(header, self.component)
        self.require(
            not problems, "the header makes no sense", "; ".join(problems), "what ExposureHeader describes"
        )
        self.require_json([dict(header.info), dict(header.header)], "header and info")

    def test_time_is_mid_exposure(self) -> None:
        """Of the header and of each section; files mostly have the start."""
        for what, mjd in (
            ("header", self.make().read_header(self.files).mjd),
            ("section", self.raw.info["mjd"]),
        ):
            off_s = (mjd - self.exposure.mjd) * _SECONDS_PER_DAY
            self.require(
                abs(off_s) < 0.05, f"the time of the {what} is off", f"{off_s:+.2f} s", "mid-exposure, UTC"
            )

    def test_section_tells_what_steps_rely_on(self) -> None:
        """The standard names of `Frame`."""
        raw, wanted = self.raw, ("mjd", "exposure_s", "filter", "instrument", "section", "pixel_scale_arcsec")
        missing = [name for name in wanted if name not in raw.info]
        self.require(not missing, "info lacks standard names", ", ".join(missing), ", ".join(wanted))
        self.require(
            raw.info["instrument"] == self.component.name and raw.info["section"] == self.section,
            "info names another camera or section",
            (raw.info["instrument"], raw.info["section"]),
            (self.component.name, self.section),
        )
        self.require_json([dict(raw.info), dict(raw.header)], "header and info of a section")

    def test_section_header_is_that_of_the_pixels(self) -> None:
        """Read without the pixels, it is the same."""
        cards = dict(self.make().read_section_header(self.files, self.section))
        self.require(
            cards == dict(self.raw.header), "read_section_header differs from read", "other cards", "the same"
        )

    def test_amplifiers_fill_the_section(self) -> None:
        """Each trimmed pixel comes from one amplifier, and none from the overscan."""
        shape = self.component.sections[self.section].shape
        covered = np.zeros(shape, int)
        for amplifier in self.raw.amplifiers:
            covered[amplifier.trimmed.slices] += 1
        self.require(
            np.all(covered == 1),
            "the trimmed boxes of the amplifiers do not fill the section",
            f"{np.mean(covered == 1):.1%} of {shape} once, up to {covered.max()} times",
            "each pixel once",
        )
        ny, nx = self.raw.data.shape
        for one in self.raw.amplifiers:
            boxes = [one.data, one.overscan] if one.overscan else [one.data]
            inside = all(0 <= box.y0 < box.y1 <= ny and 0 <= box.x0 < box.x1 <= nx for box in boxes)
            self.require(
                inside and one.data.shape == one.trimmed.shape and not _overlap(*boxes),
                f"boxes of the amplifier {one.name} do not fit",
                boxes,
                f"inside {(ny, nx)}, apart from each other, data as large as trimmed",
            )

    def test_amplifiers_have_sensible_constants(self) -> None:
        """Electrons per ADU, electrons, ADU."""
        for one in self.raw.amplifiers:
            self.require(
                0.01 < one.gain < 100 and 0 < one.read_noise_electron < 200 and one.saturation_adu > 100,
                f"constants of the amplifier {one.name} make no sense",
                (one.gain, one.read_noise_electron, one.saturation_adu),
                "gain (electron per ADU), read noise (electron), saturation (ADU)",
            )

    def test_noise_of_the_overscan_is_the_read_noise(self) -> None:
        """Gain and read noise belong together, and the overscan is where its box says."""
        for one in self.raw.amplifiers:
            if one.overscan is None:
                pytest.skip("the camera has no overscan")
            pixels = self.raw.data[one.overscan.slices].astype(np.float64)
            steps = np.diff(pixels, axis=1) / np.sqrt(2)
            noise = 1.4826 * float(np.median(np.abs(steps - np.median(steps))))
            expected = one.read_noise_electron / one.gain
            self.require(
                0.7 * expected < np.hypot(noise, 0.29) < 1.4 * expected + 0.3,
                f"the overscan of {one.name} has another noise",
                f"{noise:.2f} ADU",
                f"read noise / gain = {expected:.2f} ADU",
            )

    def test_stars_are_where_the_truth_has_them(self) -> None:
        """On the trimmed section: orientation, flips and order of the amplifiers."""
        image = assembled_pixels(self.raw)
        stars = self.exposure.stars_on(self.section, image.shape)
        offset, contrast = offsets_of_stars(image, stars)
        seen = float(np.mean(contrast > 3))
        self.require(
            seen > 0.7,
            "there is no light where stars are",
            f"at {seen:.0%} of {stars.n_rows} stars",
            "above 70 %",
        )
        middle = np.abs(np.median(offset, axis=0)).max()
        self.require(
            middle < 0.3, "stars are displaced", f"{middle:.2f} pixel", "below 0.3: boxes off by one?"
        )

    def test_first_mapping_has_scale_and_orientation_of_the_truth(self) -> None:
        """The astrometry corrects an error of pointing, not a flip."""
        truth = self.exposure.truth
        on = truth.rows(truth["section"].astype(str) == self.section)
        x, y = self.mapping.sky_to_pixel(on["ra"], on["dec"])
        terms = np.stack([np.ones_like(x), x, y], axis=1)
        fitted, *_ = np.linalg.lstsq(terms, np.stack([on["x"], on["y"]], axis=1), rcond=None)
        linear = fitted[1:]
        worst = float(np.abs(linear - np.eye(2)).max())
        self.require(
            worst < 0.03,
            "the first mapping is turned, flipped or scaled",
            np.round(linear, 3),
            "the identity",
        )
        scale = self.mapping.pixel_scale_arcsec
        off = float(np.hypot(np.median(x - on["x"]), np.median(y - on["y"]))) * scale / 60.0
        self.require(
            off < self.max_pointing_error_arcmin,
            "the first mapping is off",
            f"{off:.2f} arcmin",
            f"below {self.max_pointing_error_arcmin:g} (max_pointing_error_arcmin)",
        )
        stated = self.component.pixel_scale_arcsec
        self.require(
            abs(scale / stated - 1) < 0.03 if stated else True,
            "pixel_scale_arcsec is wrong",
            stated,
            f"{scale:.4f}",
        )

    def test_sections_lie_where_the_mapping_has_them(self) -> None:
        """East and north of the boresight, on the tangent plane."""
        header = self.make().read_header(self.files)
        if header.ra_deg is None or header.dec_deg is None:
            pytest.skip("the header has no pointing")
        geometry = self.component.sections[self.section]
        ny, nx = geometry.shape
        ra, dec = self.mapping.pixel_to_sky((nx - 1) / 2, (ny - 1) / 2)
        east, north = project(ra, dec, (header.ra_deg, header.dec_deg))
        off = float(np.hypot(east - geometry.east_deg, north - geometry.north_deg)) * 60.0
        self.require(
            off < self.max_pointing_error_arcmin,
            f"the section {self.section} lies elsewhere than its geometry says",
            f"{off:.2f} arcmin",
            f"below {self.max_pointing_error_arcmin:g}",
        )

    def test_sections_do_not_overlap(self) -> None:
        """No two see the same sky."""
        found = overlapping_sections(self.component, self.mapping.cd)
        self.require(not found, "sections overlap", "; ".join(found[:3]), "none")

    def test_unknown_section_is_an_input_error(self) -> None:
        """Named, so that people see what to correct."""
        try:
            self.make().read(self.files, "no-such-section")
        except InputError as error:
            self.require(
                "no-such-section" in str(error), "the error does not name the section", error, "its name"
            )
            return
        except Exception as error:  # what else is raised is the finding
            self.require(
                False, "an unknown section is no InputError", repr(error), "InputError with its name"
            )
        self.require(False, "an unknown section can be read", "pixels", "InputError")

    @pytest.mark.parametrize("part", [0.0, 0.3, 0.95])
    def test_truncated_file_is_an_input_error(self, part: float, tmp_path: Path) -> None:
        """Downloads break off."""
        for file in self.files:
            content = file.read_bytes()
            (tmp_path / file.name).write_bytes(content[: int(part * len(content))])
        last = list(dict.fromkeys(self.exposure.truth["section"].astype(str)))[-1]
        files = tuple(tmp_path / file.name for file in self.files)
        try:
            self.make().read(files, last)
        except InputError as error:
            named = any(file.name.split(".")[0] in str(error) for file in files)
            self.require(named, "the error does not name the file", error, "its name")
            return
        except Exception as error:  # what else is raised is the finding
            self.require(
                False, "a truncated file is no InputError", repr(error), "InputError with the file's name"
            )
        self.require(False, f"a file of which {part:.0%} are there can be read", "pixels", "InputError")

    def test_its_exposure_goes_through_the_chain(self) -> None:
        """From raw pixels to WCS and zero point with its own profile; the catalogue has the true stars."""
        made = chain.calibrated_section(self.component, self.exposure, self.section)
        stars = self.exposure.stars_on(self.section, made["image"].shape)
        x, y = made["mapping"].sky_to_pixel(stars["ra"], stars["dec"])
        off = float(np.sqrt(np.median((x - stars["x"]) ** 2 + (y - stars["y"]) ** 2)))
        self.require(off < 0.2, "the WCS differs from the truth", f"{off:.3f} pixel", "below 0.2")
        if "flux" in stars:
            true = float(np.median(stars["magnitude"] + 2.5 * np.log10(stars["flux"])))
            error = made["photometry"].zero_point - true
            self.require(
                abs(error) < 0.05, "the zero point differs from the truth", f"{error:+.3f} mag", "within 0.05"
            )


def _overlap(one: Box, other: Box | None = None) -> bool:
    if other is None:
        return False
    return max(one.y0, other.y0) < min(one.y1, other.y1) and max(one.x0, other.x0) < min(one.x1, other.x1)
