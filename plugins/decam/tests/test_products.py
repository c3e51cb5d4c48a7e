"""Products of the community pipeline: masks, weights, gains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seechange_core.api import InputError
from seechange_core.frames import MaskPlane, unusable
from seechange_decam import Decam
from seechange_decam.mask_codes import planes_of

CODES = [0, 1, 2, 3, 4, 5, 6, 7, 8]


def plane(number: int) -> MaskPlane:
    return MaskPlane(int(number))


@pytest.mark.parametrize("version", ["V3.5", "V3.10.1", "V4.8.2a", "V5.6"])
def test_codes(version: str) -> None:
    mask = planes_of(np.array([CODES]), version)[0]
    assert [plane(value) for value in mask] == [
        MaskPlane(0),
        MaskPlane.BAD,
        MaskPlane.NO_DATA,
        MaskPlane.SATURATED,
        MaskPlane.BLEED,
        MaskPlane.COSMIC_RAY,
        MaskPlane.BAD,
        MaskPlane(0),
        MaskPlane.SUSPECT,
    ]
    assert not unusable(mask[7:]).any()


def test_bits_of_older_versions() -> None:
    mask = planes_of(np.array([[0, 1, 2, 4, 16, 64, 128, 128 + 16, 2 + 64]]), "V3.4.9")[0]
    assert [plane(value) for value in mask] == [
        MaskPlane(0),
        MaskPlane.BAD,
        MaskPlane.SATURATED,
        MaskPlane.INTERPOLATED,
        MaskPlane.COSMIC_RAY,
        MaskPlane.BLEED,
        MaskPlane(0),
        MaskPlane.COSMIC_RAY,
        MaskPlane.SATURATED | MaskPlane.BLEED,
    ]


@pytest.mark.parametrize("version", ["V4.8.2", "V3.4"])
def test_undocumented_numbers_are_flagged_and_warned_of(version: str) -> None:
    with pytest.warns(UserWarning, match="without documented meaning: 32"):
        mask = planes_of(np.array([[0, 32]]), version)
    assert mask.tolist() == [[0, int(MaskPlane.SUSPECT)]]


def test_version_that_is_none() -> None:
    with pytest.raises(InputError, match="PLVER is 'unknown'"):
        planes_of(np.zeros((1, 1), int), "unknown")


def test_section(decam: Decam, write_product: Callable[..., Path]) -> None:
    section = decam.read(decam.files_of(write_product(np.zeros((6, 8)), np.ones((6, 8)))), "N3")
    assert section.calibrated
    assert section.unit == "adu"
    assert section.variance is None
    assert section.data.dtype == np.float32
    (amplifier,) = section.amplifiers
    assert amplifier.gain == pytest.approx(4.0)
    assert amplifier.read_noise_electron == pytest.approx(6.0)
    assert amplifier.saturation_adu == 40000.0
    assert amplifier.data.shape == section.data.shape
    assert section.info["filter"] == "z"
    assert section.info["mjd"] == pytest.approx(58161.25 + 60.0 / 86400.0)


def test_zero_weight_masks_only_what_no_code_explains(
    decam: Decam, write_product: Callable[..., Path]
) -> None:
    """The pipeline gives every flagged pixel weight 0, also those that may be transients."""
    quality, weight = np.zeros((6, 8)), np.ones((6, 8))
    quality[0, :9] = CODES[1:]
    weight[0] = 0.0
    weight[1, 0] = 0.0
    section = decam.read(decam.files_of(write_product(quality, weight)), "N3")
    assert section.mask is not None
    assert unusable(section.mask[0]).tolist() == [True] * 6 + [False] * 2
    assert section.mask[1].tolist() == [int(MaskPlane.BAD)] + [0] * 7
    assert not section.mask[2:].any()


def test_missing_mask_is_a_warning(decam: Decam, write_product: Callable[..., Path]) -> None:
    image, weight = np.full((6, 8), 900.0), np.ones((6, 8))
    image[2, 3], weight[4, 5] = 40000.0, 0.0
    files = decam.files_of(write_product(None, weight, image))
    with pytest.warns(UserWarning, match=r"mask \(_ood_\) is missing"):
        section = decam.read(files, "N3")
    assert section.mask is not None
    assert section.mask[2, 3] == MaskPlane.SATURATED
    assert section.mask[4, 5] == MaskPlane.BAD
    assert np.count_nonzero(section.mask) == 2


def test_missing_weight_is_a_warning(decam: Decam, write_product: Callable[..., Path]) -> None:
    files = decam.files_of(write_product(np.ones((6, 8))))
    with pytest.warns(UserWarning, match=r"weight \(_oow_\) is missing"):
        section = decam.read(files, "N3")
    assert section.mask is not None
    assert (section.mask == MaskPlane.BAD).all()


def test_pixels_without_value(decam: Decam, write_product: Callable[..., Path]) -> None:
    image = np.full((6, 8), 900.0)
    image[0, 0] = np.nan
    section = decam.read(decam.files_of(write_product(np.zeros((6, 8)), np.ones((6, 8)), image)), "N3")
    assert section.mask is not None
    assert section.mask[0, 0] == MaskPlane.NO_DATA
    assert np.count_nonzero(section.mask) == 1


def test_mask_of_another_shape(decam: Decam, write_product: Callable[..., Path]) -> None:
    files = decam.files_of(write_product(np.zeros((5, 8)), np.ones((6, 8))))
    with pytest.raises(InputError, match=r"_ood_.*its shape is \(5, 8\)"):
        decam.read(files, "N3")


def test_mask_without_version(decam: Decam, write_product: Callable[..., Path]) -> None:
    files = decam.files_of(write_product(np.zeros((6, 8)), np.ones((6, 8)), PLVER=None))
    with pytest.raises(InputError, match="PLVER is missing"):
        decam.read(files, "N3")


def test_missing_section(decam: Decam, write_product: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="no extension 'S4'"):
        decam.read((write_product(),), "S4")
