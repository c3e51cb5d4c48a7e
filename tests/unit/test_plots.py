from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import AxesImage, imread

from seechange_core.frames import (
    Difference,
    Frame,
    MaskPlane,
    MatchedStarTable,
    MeasurementTable,
    PsfModel,
    ScoreTable,
    Stamps,
)
from seechange_core.imaging.stamps import cut_triplets
from seechange_core.plots.astrometry import plot_residuals
from seechange_core.plots.candidates import plot_stamps
from seechange_core.plots.images import plot_difference, plot_image
from seechange_core.plots.light_curves import plot_light_curve
from seechange_core.plots.style import robust_level

SHAPE = (60, 80)


@pytest.fixture(autouse=True)
def _warnings_are_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def noise(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(100.0, 10.0, SHAPE).astype(np.float32)


def difference() -> Difference:
    mask = np.zeros(SHAPE, np.uint16)
    mask[:, :5] = MaskPlane.NO_DATA
    return Difference(noise() - 100, noise(), mask, PsfModel(np.ones((1, 3, 3), np.float32)))


def candidates(n: int) -> tuple[Stamps, MeasurementTable, ScoreTable]:
    x = np.linspace(3.0, 70.0, n)
    stamps = cut_triplets(x, x * 0.5, 21, noise(), noise(2), noise(3) - 100, np.zeros(SHAPE, np.uint16))
    measurements = MeasurementTable(
        {name: np.ones(n, dtype) for name, (dtype, _, _) in MeasurementTable.COLUMNS.items()}
    )
    scores = ScoreTable(
        {
            "row": range(n),
            "scorer": ["rb"] * n,
            "version": ["1.0"] * n,
            "score": [0.5] * n,
            "info": ["{}"] * n,
        }
    )
    return stamps, measurements, scores


def saved(figure: Figure, folder: Path) -> np.ndarray:
    """The picture as written to a file: it has to show something."""
    path = folder / "picture.png"
    figure.savefig(path)
    picture = imread(path)
    assert picture[..., :3].std() > 0.01
    return picture


def texts(figure: Figure) -> str:
    return " ".join(artist.get_text() for artist in figure.findobj(match=lambda a: hasattr(a, "get_text")))


def test_an_image_has_axes_in_pixels_and_a_scale_in_electrons(tmp_path: Path) -> None:
    info = {"instrument": "simcam", "section": "A", "filter": "r", "mjd": 61000.25}
    figure = plot_image(Frame(noise(), noise(), np.zeros(SHAPE, np.uint16), info)).figure
    saved(figure, tmp_path)
    for wanted in ("x (pixel)", "y (pixel)", "electron", "simcam, A, r, MJD 61000.25000"):
        assert wanted in texts(figure)


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_an_image_without_contrast_can_be_drawn(tmp_path: Path, value: float) -> None:
    plane = np.full(SHAPE, value, np.float32)
    saved(plot_image(Frame(plane, plane, np.zeros(SHAPE, np.uint16))).figure, tmp_path)


def test_a_difference_shows_what_was_found_missed_and_false(tmp_path: Path) -> None:
    detections = {"x": np.array([10.0, 30.0, 50.0]), "y": np.array([10.0, 30.0, 50.0])}
    truth = {"x": np.array([10.5, 60.0]), "y": np.array([10.0, 20.0])}
    figure = plot_difference(difference(), detections, truth).figure
    saved(figure, tmp_path)
    for wanted in ("found (1)", "missed (1)", "other detection (2)"):
        assert wanted in texts(figure)


def test_each_detection_has_its_own_radius_to_its_source() -> None:
    detections = {"x": np.array([10.0, 30.0]), "y": np.array([10.0, 30.0])}
    truth = {"x": np.array([11.5, 31.5]), "y": np.array([10.0, 30.0])}
    figure = plot_difference(difference(), detections, truth, match_radius_pixel=[1.0, 2.0]).figure
    for wanted in ("found (1)", "missed (1)", "other detection (1)"):
        assert wanted in texts(figure)


def test_a_difference_without_truth_or_detections_can_be_drawn(tmp_path: Path) -> None:
    nothing = {"x": np.array([]), "y": np.array([])}
    figure = plot_difference(difference(), nothing).figure
    saved(figure, tmp_path)
    assert "detection (0)" in texts(figure)
    saved(plot_difference(difference(), nothing, nothing).figure, tmp_path)


@pytest.mark.parametrize("with_score", [False, True])
@pytest.mark.parametrize("n", [0, 1, 4])
def test_a_page_of_stamps_has_all_pictures_of_a_candidate(tmp_path: Path, n: int, with_score: bool) -> None:
    stamps, *rest = candidates(n)
    figure = plot_stamps(replace(stamps, score=stamps.difference) if with_score else stamps, *rest)
    saved(figure, tmp_path)
    assert len(figure.findobj(AxesImage)) == (4 if with_score else 3) * n
    assert ("difference, score" in texts(figure)) is with_score
    assert texts(figure).count("rb 0.50") == n


def test_a_page_of_stamps_shows_chosen_candidates_in_order(tmp_path: Path) -> None:
    stamps, measurements, _ = candidates(4)
    text = texts(plot_stamps(stamps, measurements, rows=[3, 1]))
    assert "3: S/N" in text
    assert "1: S/N" in text
    assert "0: S/N" not in text


@pytest.mark.parametrize("n", [0, 1, 30])
def test_residuals_are_arrows_and_points(tmp_path: Path, n: int) -> None:
    columns = {
        name: np.full(n, 30.0).astype(dtype) for name, (dtype, _, _) in MatchedStarTable.COLUMNS.items()
    }
    stars = MatchedStarTable({**columns, "used": np.arange(n) > 1})
    figure = plot_residuals(stars, SHAPE)
    saved(figure, tmp_path)
    text = texts(figure)
    assert f"{max(n - 2, 0)} used" in text
    assert f"{min(n, 2)} clipped" in text


def test_a_light_curve_names_filters_and_units(tmp_path: Path) -> None:
    truth = {"r": (np.array([61010.0, 61000.0]), np.array([2.0, 1.0]))}
    axes = plot_light_curve(
        [61000.0, 61001.0, 61002.0],
        [1.0, 2.0, -1.0],
        [0.1, 0.1, 0.2],
        ["r", "g", "r"],
        truth,
        unit="electron",
    )
    saved(axes.figure, tmp_path)
    text = texts(axes.figure)
    for wanted in ("g", "r", "r, truth", "MJD (day, UTC)", "(electron)"):
        assert wanted in text


def test_limits_of_a_light_curve_are_triangles_and_the_legend_is_beside_the_data() -> None:
    axes = plot_light_curve([1.0, 2.0, 3.0], [10.0, 1.0, -9.0], [1.0, 2.0, 1.0], ["r", "r", "r"])
    (limits,) = [line for line in axes.lines if line.get_marker() == "v"]
    np.testing.assert_array_equal(limits.get_xydata(), [[2.0, 10.0]])
    assert {"r", "r, below 3 sigma", "r, 5 sigma limit"} == {
        text.get_text() for text in axes.get_legend().get_texts()
    }
    axes.figure.draw_without_rendering()
    assert axes.get_legend().get_window_extent().x0 >= axes.get_window_extent().x1


def test_an_empty_light_curve_can_be_drawn(tmp_path: Path) -> None:
    saved(plot_light_curve([], [], [], []).figure, tmp_path)


def test_the_level_is_that_of_the_sky() -> None:
    data = noise()
    data[:6] = 1e6
    data[6, 0] = np.nan
    level, scatter = robust_level(data)
    assert level == pytest.approx(100.0, abs=3.0)
    assert scatter == pytest.approx(10.0, rel=0.3)
