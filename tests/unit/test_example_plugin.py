"""The plugin that the documentation shows must work as it stands."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pluggy
import pytest

from seechange_core import hookspecs
from seechange_core.frames import MeasurementTable, Stamps

SOURCE = Path(__file__).parents[2] / "docs/examples/sharpness/seechange_sharpness.py"


@pytest.fixture(scope="module")
def plugin() -> ModuleType:
    spec = importlib.util.spec_from_file_location("seechange_sharpness", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def candidates(width_ratio: list[float], n_bad: list[int]) -> tuple[Stamps, MeasurementTable]:
    n = len(width_ratio)
    columns = {name: np.zeros(n, dtype) for name, (dtype, _, _) in MeasurementTable.COLUMNS.items()}
    pixels = np.zeros((n, 3, 3), np.float32)
    stamps = Stamps(
        x=np.zeros(n),
        y=np.zeros(n),
        corner_x=np.zeros(n, np.int32),
        corner_y=np.zeros(n, np.int32),
        new=pixels,
        ref=pixels,
        difference=pixels,
        mask=np.zeros((n, 3, 3), np.uint16),
    )
    return stamps, MeasurementTable({**columns, "width_ratio": width_ratio, "n_bad": n_bad})


def test_its_hook_is_known_and_offers_the_scorer(plugin: ModuleType) -> None:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    manager.check_pending()
    assert manager.hook.register_scorers() == [[plugin.Sharpness]]


def test_it_prefers_the_width_of_the_psf_and_refuses_bad_pixels(plugin: ModuleType) -> None:
    score, details = plugin.Sharpness().score(*candidates([1.0, 1.2, 1.0], [0, 0, 1]))
    np.testing.assert_allclose(score, [1.0, np.exp(-0.5), 0.0], rtol=1e-6)
    assert len(details) == 3
