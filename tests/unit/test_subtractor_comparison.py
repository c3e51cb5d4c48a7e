"""`seechange bench subtract`: algorithms on the same images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from click.testing import CliRunner

from seechange_core.api import Rejected, Subtractor
from seechange_core.cli import cli
from seechange_core.frames import AlignedPair, Difference
from seechange_core.pipeline import process_schemas
from seechange_core.profile import load_profile
from seechange_core.registry import Registry
from seechange_core.runner.known_pairs import KnownPair, simulated_known_pair
from seechange_core.runner.resources import measured
from seechange_core.runner.subtractor_comparison import compare_subtractors
from seechange_core.simulation.image_pair import CONDITIONS, PairConditions, image_pair, with_sky


class Plain(Subtractor):
    """Subtracts pixel from pixel, which leaves rings wherever the seeing differs."""

    name = "plain"
    version = "1.0"

    def subtract(self, pair: AlignedPair) -> Difference:
        ratio = np.float32(pair.flux_ratio)
        assert pair.new_psf is not None
        return Difference(
            pair.new.data - pair.ref.data / ratio,
            pair.new.variance + pair.ref.variance / ratio**2,
            pair.new.mask | pair.ref.mask,
            pair.new_psf,
        )


class Refusing(Plain):
    """Rejects everything."""

    name = "refusing"

    def subtract(self, pair: AlignedPair) -> Difference:
        raise Rejected("too dark")


@pytest.fixture(scope="module")
def known() -> KnownPair:
    profile = load_profile(Registry(), process_schemas(), instrument="fits")
    return simulated_known_pair(1, (512, 512), CONDITIONS["aligned"], profile)


def run(*arguments: object) -> Any:
    return CliRunner().invoke(cli, ["bench", "subtract", *(str(argument) for argument in arguments)])


def test_better_algorithm_comes_out_as_better(known: KnownPair) -> None:
    zogy = Registry().component("subtractor", "zogy")()
    better, worse = compare_subtractors(known, {"zogy": zogy, "plain": Plain()})
    assert (better.subtractor, worse.subtractor) == ("zogy", "plain")
    assert better.n_false < worse.n_false
    assert better.star_score < worse.star_score
    assert better.star_residual < worse.star_residual
    assert better.completeness >= worse.completeness
    assert better.threshold < worse.threshold
    assert better.cpu_s > 0
    assert better.peak_mb > known.pair.new.data.nbytes / 1e6


def test_failure_of_one_does_not_stop_the_others(known: KnownPair) -> None:
    failed, plain = compare_subtractors(known, {"refusing": Refusing(), "plain": Plain()})
    assert failed.failure == "too dark"
    assert not plain.failure


def test_sources_are_injected_into_images(tmp_path: Path) -> None:
    conditions = PairConditions(n_transients=0)
    simulated = image_pair(3, (512, 512), conditions)
    for name, frame in (("new", simulated.new), ("ref", simulated.ref)):
        fits.writeto(tmp_path / f"{name}.fits", with_sky(frame, conditions).data)
    ran = run(
        tmp_path / "new.fits", tmp_path / "ref.fits", "--subtractor", "zogy", "--injected", 40, "--json"
    )
    assert ran.exit_code == 0, ran.output
    (found,) = json.loads(ran.output)
    assert 30 <= found["n_transients"] <= 40
    # Signal-to-noise ratios are spread evenly in the logarithm from 3 to 30: three in four are above 5.
    assert 0.55 < found["completeness"] < 0.95
    assert found["snr50_sky"] == pytest.approx(5.0, abs=1.0)
    assert found["score_scatter"] == pytest.approx(1.0, abs=0.04)


def test_table_is_printed() -> None:
    ran = run("--simulate", 1, "--size", 512, 512, "--subtractor", "zogy")
    assert ran.exit_code == 0, ran.output
    assert ran.output.splitlines()[0] == "simulated, seed 1: 9 transients"
    assert ran.output.splitlines()[2].startswith("zogy")


def test_what_is_asked_for_must_make_sense(tmp_path: Path) -> None:
    assert "the reference last" in run().output
    assert "the reference last" in run(tmp_path / "only.fits").output
    assert "no conditions are called 'fog'" in run("--simulate", 1, "--conditions", "fog").output
    assert "did you mean zogy?" in str(run("--simulate", 1, "--subtractor", "zogi").exception)


def test_memory_of_a_computation_is_seen() -> None:
    small = measured(lambda: np.ones(1000).sum())
    large = measured(lambda: np.ones(30_000_000).sum())
    assert small.result == 1000
    assert large.peak_mb > small.peak_mb + 200
