"""What is found of injected sources, and the curve through it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from seechange_core.frames import DetectionTable, FakeTable, MeasurementTable, RecoveredTable, ScoreTable
from seechange_core.frames.fakes import GALAXY, SKY, STAGES
from seechange_core.imaging.candidates.completeness import CompletenessFit, fit_completeness
from seechange_core.plots.completeness import plot_completeness
from seechange_core.simulation.psf_field import MoffatField
from seechange_core.steps.completeness import (
    Completeness,
    CompletenessParams,
    completeness_of,
    near_fakes,
    recover,
)
from seechange_core.steps.step import StepContext


def table(kind, n_rows, **columns):
    empty = {name: np.zeros(n_rows, dtype) for name, (dtype, _, _) in kind.COLUMNS.items()}
    return kind({**empty, **columns}, {"flux_unit": "nJy"})


@pytest.mark.parametrize("efficiency", [1.0, 0.8])
def test_the_curve_is_recovered_within_its_errors(efficiency: float) -> None:
    rng = np.random.default_rng(7)
    magnitude = np.linspace(20.0, 23.0, 200)
    truth = CompletenessFit(21.5, 0.0, 0.3, 0.0, efficiency)
    chance = truth.at(magnitude)
    assert truth.at(np.array([21.5]))[0] == pytest.approx(0.5)
    assert chance[0] == pytest.approx(efficiency, abs=1e-3)
    pulls, widths = [], []
    for _ in range(60):
        fit = fit_completeness(magnitude, rng.uniform(size=len(magnitude)) < chance)
        pulls.append((fit.magnitude50 - 21.5) / fit.error50)
        widths.append(fit.width)
    # Standard deviation 1, known to 9 % from 60 trials.
    assert np.std(pulls) == pytest.approx(1.0, abs=0.35)
    assert np.mean(pulls) == pytest.approx(0.0, abs=4.0 / np.sqrt(60.0))
    assert np.mean(widths) == pytest.approx(0.3, abs=0.06)


def test_one_bright_source_that_is_missed_does_not_widen_the_curve() -> None:
    rng = np.random.default_rng(1)
    magnitude = np.linspace(20.0, 23.0, 150)
    found = rng.uniform(size=150) < ndtr((21.5 - magnitude) / 0.25)
    found[2] = False
    fit = fit_completeness(magnitude, found)
    assert fit.width < 0.4
    assert 0.9 < fit.efficiency < 1.0


@pytest.mark.parametrize(
    "found",
    [np.zeros(50, bool), np.ones(50, bool), np.arange(9) < 5, np.arange(50) == 49],
    ids=["none", "all", "few", "only the faintest"],
)
def test_what_too_few_sources_decide_is_not_known(found: np.ndarray) -> None:
    fit = fit_completeness(np.linspace(20.0, 23.0, len(found)), found)
    assert np.isnan(fit.magnitude50)


def test_sources_that_nothing_mixes_leave_a_finite_error() -> None:
    magnitude = np.linspace(20.0, 23.0, 31)
    fit = fit_completeness(magnitude, magnitude < 21.55)
    assert fit.magnitude50 == pytest.approx(21.55, abs=0.06)
    assert 0.01 < fit.error50 < 0.3


def test_fakes_are_joined_with_the_best_detection_of_their_sign() -> None:
    fakes = table(
        FakeTable,
        4,
        x=[10.0, 50.0, 90.0, 130.0],
        y=[10.0] * 4,
        flux=[5.0, -5.0, 5.0, 5.0],
        environment=[SKY] * 4,
    )
    detections = table(
        DetectionTable,
        5,
        x=[11.0, 9.5, 50.5, 90.0, 300.0],
        y=[10.0] * 5,
        score=[6.0, 9.0, -7.0, -8.0, 20.0],
    )
    # The third detection was deleted by a cut.
    measurements = table(
        MeasurementTable, 4, stamp=[0, 1, 3, 4], flux=[4.0, 5.5, -5.0, 9.0], flux_error=[1.0, 0.5, 1.0, 1.0]
    )
    scores = table(
        ScoreTable,
        3,
        row=[1, 1, 0],
        score=[0.9, 0.7, 0.2],
        scorer=["a", "b", "a"],
        version=["1"] * 3,
        info=['{"threshold": 0.5}'] * 3,
    )
    found = recover(fakes, detections, measurements, scores, 3.0)
    assert found["detected"].tolist() == [True, True, False, False]
    assert found["measured"].tolist() == [True, False, False, False]
    assert found["accepted"].tolist() == [True, False, False, False]
    stricter = scores.with_columns(info=['{"threshold": 0.8}'] * 3)
    assert not recover(fakes, detections, measurements, stricter, 3.0)["accepted"].any()
    assert found["detection_score"][:2].tolist() == [9.0, -7.0]
    assert (found["measured_flux"][0], found["measured_flux_error"][0], found["real"][0]) == (5.5, 0.5, 0.7)
    assert np.isnan(found["measured_flux"][1:]).all()
    assert near_fakes(detections, fakes, 3.0)["x"].tolist() == [11.0, 9.5, 50.5, 90.0]


def test_nothing_detected() -> None:
    fakes = table(FakeTable, 2, x=[10.0, 50.0], y=[10.0, 10.0], flux=[5.0, -5.0], environment=[SKY] * 2)
    nothing = DetectionTable.empty(), MeasurementTable.empty(), ScoreTable.empty()
    found = recover(fakes, *nothing, 3.0)
    assert not found["detected"].any()
    assert near_fakes(nothing[0], fakes, 3.0).n_rows == 0


def recovered(n_rows: int = 200, *, calibrated: bool = True) -> RecoveredTable:
    rng = np.random.default_rng(3)
    magnitude = np.tile(np.linspace(20.0, 23.0, n_rows // 2), 2)
    environment = np.repeat([SKY, GALAXY], n_rows // 2)
    flux = 10.0 ** (0.4 * (31.4 - magnitude))
    found = rng.uniform(size=n_rows) < ndtr((np.where(environment == SKY, 21.8, 21.3) - magnitude) / 0.25)
    made = table(
        RecoveredTable,
        n_rows,
        flux=flux,
        magnitude=magnitude if calibrated else np.full(n_rows, np.nan),
        environment=environment,
        detected=found,
        measured=found & (rng.uniform(size=n_rows) < 0.95),
        measured_flux=np.where(found, flux, np.nan),
        measured_flux_error=np.full(n_rows, 500.0),
    )
    made.meta["flux_unit"] = "nJy" if calibrated else "electron"
    return made


def test_the_metrics_of_the_step_say_where_half_is_found() -> None:
    made, nothing = recovered(), (DetectionTable.empty(), MeasurementTable.empty(), ScoreTable.empty())
    detections = table(
        DetectionTable,
        made.n_rows,
        x=np.arange(made.n_rows) * 50.0,
        score=np.where(made["measured"], 9.0, -9.0),
    )
    measurements = table(MeasurementTable, made.n_rows, stamp=np.arange(made.n_rows))
    psf = MoffatField((100, 100), 4.0, (0.0, 0.0), 3.5).model()
    fakes = FakeTable({**{name: made[name] for name in FakeTable.COLUMNS}, "x": detections["x"]}, made.meta)
    inputs = {"fakes": fakes, "psf": psf, "detections": detections, "measurements": measurements}
    result = Completeness().run({**inputs, "scores": nothing[2]}, CompletenessParams(), StepContext({}, None))
    assert result.metrics["n_measured"] == np.count_nonzero(made["measured"])
    assert result.metrics["sky_magnitude50"] == pytest.approx(21.8, abs=0.15)
    assert result.metrics["galaxy_magnitude50"] == pytest.approx(21.3, abs=0.15)
    empty = dict(zip(("detections", "measurements", "scores"), nothing, strict=True))
    unknown = Completeness().run({**inputs, **empty}, CompletenessParams(), StepContext({}, None))
    assert set(unknown.metrics) == {"n_fakes", "n_detected", "n_measured", "n_accepted"}


@pytest.mark.parametrize("calibrated", [True, False])
def test_there_is_a_row_for_each_environment_and_stage(calibrated: bool) -> None:
    curves = completeness_of(recovered(calibrated=calibrated))
    named = list(zip(curves["environment"].tolist(), curves["stage"].tolist(), strict=True))
    assert named == [(where, stage) for where in (SKY, GALAXY) for stage in STAGES]
    assert curves["flux50"][0] == pytest.approx(10.0 ** (0.4 * (31.4 - 21.8)), rel=0.15)
    if calibrated:
        assert curves["magnitude50"][[0, 3]] == pytest.approx([21.8, 21.3], abs=0.15)
    else:
        assert np.isnan(curves["magnitude50"]).all()
    assert (np.diff(curves["n_found"].reshape(2, 3), axis=1) <= 0).all()


def test_the_picture_shows_every_environment() -> None:
    part, ratio = plot_completeness([recovered(), recovered()]).axes
    labels = [text.get_text() for text in part.get_legend().get_texts()]
    assert [label.split(":")[0] for label in labels] == ["empty sky", "galaxies"]
    assert "half at 21." in labels[0]
    assert part.get_title(loc="left") == "Completeness: 400 injected sources, 2 images"
    assert ratio.get_ylabel() == "measured divided by true flux"
