"""The step that injects sources: where, how bright, and always the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seechange_core.errors import Rejected
from seechange_core.frames import (
    DetectionTable,
    Frame,
    MaskPlane,
    PhotometricSolution,
    SkyMapping,
    SourceTable,
)
from seechange_core.simulation.psf_field import MoffatField
from seechange_core.steps.injection import Injection, InjectionParams
from seechange_core.steps.step import ReferenceSources, StepContext

SHAPE = (600, 700)
LIMIT_ELECTRON = 400.0
CONTEXT = StepContext({}, None, "abc")


def table(kind: Any, n_rows: int, **columns: Any) -> Any:
    empty = {name: np.zeros(n_rows, dtype) for name, (dtype, _, _) in kind.COLUMNS.items()}
    return kind({**empty, **columns}, {"limiting_flux_electron": LIMIT_ELECTRON})


@pytest.fixture(scope="module")
def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(5)
    n = 60
    places = {"x": rng.uniform(0, SHAPE[1], n), "y": rng.uniform(0, SHAPE[0], n)}
    is_star = np.arange(n) < 25
    sources = table(
        SourceTable,
        n,
        **places,
        flux=np.full(n, 1e5),
        snr=np.full(n, 100.0),
        is_star=is_star,
        a=np.full(n, 3.0),
    )
    mapping = SkyMapping((150.0, 2.0), (350.0, 300.0), np.diag([-0.26, 0.26]) / 3600.0)
    mask = np.zeros(SHAPE, np.uint16)
    mask[:, 500:] = MaskPlane.BAD
    sky = np.full(SHAPE, 300.0)
    solution = PhotometricSolution(27.0, 0.01, 0.02, 50, "r", variation=(0.1, -0.05), shape=SHAPE)
    return {
        "image": Frame(sky, sky, mask, {"saturation_electron": 400.0}),
        "sources": sources,
        "psf": MoffatField(SHAPE, 4.0, (0.0, 0.0), 3.5).model(),
        "mapping": mapping,
        "photometry": solution,
        "aligned_reference": Frame(sky, sky, np.zeros(SHAPE, np.uint16)),
        "detections": table(DetectionTable, 2, x=[100.0, 300.0], y=[100.0, 300.0]),
        "reference_sources": ReferenceSources(sources, mapping, solution),
    }


@pytest.fixture(scope="module")
def params() -> InjectionParams:
    return InjectionParams(number=80, star_fraction=0.2)


def test_places(inputs: dict[str, Any], params: InjectionParams) -> None:
    result = Injection().run(inputs, params, CONTEXT)
    fakes, sources = result.outputs["fakes"], inputs["sources"]
    fwhm = inputs["psf"].fwhm
    assert fakes.n_rows == sum(result.metrics[f"n_{name}"] for name in ("sky", "galaxy", "star"))
    assert (fakes["x"] < 500 - fwhm).all()
    apart = np.hypot(fakes["x"][:, None] - sources["x"], fakes["y"][:, None] - sources["y"])
    assert (apart[fakes["environment"] == "sky"].min(axis=1) > 3 * fwhm).all()
    assert (apart[fakes["environment"] == "star"][:, sources["is_star"]].min(axis=1) == 0).all()
    on_galaxy = apart[fakes["environment"] == "galaxy"]
    assert (on_galaxy[:, ~sources["is_star"]].min(axis=1) < 15).all()
    assert (on_galaxy[:, sources["is_star"]].min(axis=1) > 2 * fwhm).all()
    changed = inputs["detections"]
    from_changes = np.hypot(fakes["x"][:, None] - changed["x"], fakes["y"][:, None] - changed["y"])
    assert from_changes.min() > 3 * fwhm
    assert result.metrics["n_star"] > 5
    assert result.metrics["n_galaxy"] > 5


def test_brightness(inputs: dict[str, Any], params: InjectionParams) -> None:
    fakes = Injection().run(inputs, params, CONTEXT).outputs["fakes"]
    photometry = inputs["photometry"]
    factor = photometry.flux_per_electron_at(fakes["x"], fakes["y"])
    np.testing.assert_allclose(fakes["flux_electron"] * factor, fakes["flux"])
    np.testing.assert_allclose(fakes["magnitude"], 31.4 - 2.5 * np.log10(np.abs(fakes["flux"])))
    for environment in ("sky", "galaxy", "star"):
        magnitude = np.sort(fakes["magnitude"][fakes["environment"] == environment])
        np.testing.assert_allclose(np.diff(magnitude), 3.0 / (len(magnitude) - 1))
        # The limit of the image, by the mean zero point; the places' own differ by less than 0.15 mag.
        assert magnitude[0] == pytest.approx(27.0 - 2.5 * np.log10(LIMIT_ELECTRON) - 2.0, abs=0.15)
    negative = fakes["flux"] < 0
    assert negative.sum() == pytest.approx(0.2 * fakes.n_rows, abs=2)


def test_the_image(inputs: dict[str, Any], params: InjectionParams) -> None:
    result = Injection().run(inputs, params, CONTEXT)
    made, fakes = result.outputs["image"], result.outputs["fakes"]
    light = (made.data - inputs["image"].data).sum()
    photons = np.sqrt(np.abs(fakes["flux_electron"]).sum())
    assert light == pytest.approx(fakes["flux_electron"].sum(), abs=5 * photons + 0.02 * abs(light))
    assert made.data.max() == 400.0
    assert ((made.mask & MaskPlane.SATURATED) != 0).any()
    assert inputs["image"].data.max() == 300.0


def test_the_identity_decides(inputs: dict[str, Any], params: InjectionParams) -> None:
    one, same, other = (
        Injection().run(inputs, params, StepContext({}, None, identity)).outputs
        for identity in ("abc", "abc", "abd")
    )
    assert np.array_equal(one["image"].data, same["image"].data)
    assert not np.array_equal(one["fakes"]["x"], other["fakes"]["x"])


def test_images_that_cannot_take_sources(inputs: dict[str, Any], params: InjectionParams) -> None:
    hidden = inputs["image"].replaced(mask=np.full(SHAPE, MaskPlane.NO_DATA, np.uint16))
    with pytest.raises(Rejected, match="no room"):
        Injection().run({**inputs, "image": hidden}, params, CONTEXT)
    unknown = SourceTable(inputs["sources"], {})
    with pytest.raises(Rejected, match="limit of the image is unknown"):
        Injection().run({**inputs, "sources": unknown}, params, CONTEXT)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"galaxy_fraction": 0.7, "star_fraction": 0.5}, "together are 1.2"),
        ({"brightest": 1.0, "faintest": 0.5}, "must be less than"),
    ],
)
def test_parameters_that_make_no_sense(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        InjectionParams(**values)
