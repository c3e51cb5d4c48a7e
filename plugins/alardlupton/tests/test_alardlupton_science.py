"""Subtraction with a fitted kernel of simulated pairs against their truth."""

from __future__ import annotations

from seechange_alardlupton import AlardLupton
from seechange_core.testing.fitted_kernel import FittedKernelScience


class TestAlardLuptonScience(FittedKernelScience):
    component = AlardLupton
    rejection = "0 stamps with a peak above 10 sigma"
    clipped_metric = "n_clipped_stamps"
