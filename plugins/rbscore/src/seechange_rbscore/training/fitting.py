"""Fitting and calibrating the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray

from seechange_core.frames import Floats, MeasurementTable, Stamps
from seechange_rbscore.features import network_features
from seechange_rbscore.planes import network_planes
from seechange_rbscore.training.architecture import RealBogusNetwork

_BATCH = 256
_CHUNK = 5000
#: Parts of the candidates whose measurements are hidden as a whole, and of single values that are.
_HIDDEN_ROWS, _HIDDEN_VALUES = 0.4, 0.1
_HIDDEN_MASKS = 0.2
_LARGEST_SHIFT = 1
_WEIGHT_DECAY = 0.02
_SMOOTHING = 0.01


@dataclass(frozen=True)
class LabelledSet:
    """Candidates as the network takes them, with labels.

    Parameters
    ----------
    planes : array of shape (n, N_PLANES, SIZE, SIZE), float16
    features : array of shape (n, N_FEATURES), float32
    real : bool array of shape (n,)
    snr : array of shape (n,)
        Absolute signal-to-noise ratio; NaN where not measured.
    weight : array of shape (n,)
        Relative to others of the class.
    """

    planes: NDArray[np.float16]
    features: NDArray[np.float32]
    real: NDArray[np.bool_]
    snr: Floats
    weight: Floats

    @classmethod
    def of(
        cls,
        stamps: Stamps,
        measurements: MeasurementTable | None,
        real: NDArray[np.bool_],
        weight: float = 1.0,
    ) -> LabelledSet:
        """Prepare candidates; None for the measurements where there are none."""
        planes, sign = network_planes(stamps)
        known = {} if measurements is None else measurements
        snr = np.full(len(sign), np.nan) if measurements is None else np.abs(measurements["snr"])
        return cls(
            planes.astype(np.float16),
            network_features(known, sign),
            np.asarray(real, bool),
            snr.astype(np.float64),
            np.full(len(sign), weight),
        )

    def rows(self, index: NDArray[np.bool_]) -> LabelledSet:
        """Return the candidates that a mask selects."""
        return LabelledSet(*(getattr(self, field.name)[index] for field in fields(self)))

    def joined(self, *others: LabelledSet) -> LabelledSet:
        """Return this set and others as one."""
        columns = [[getattr(part, field.name) for part in (self, *others)] for field in fields(self)]
        return LabelledSet(*map(np.concatenate, columns))


def fit(
    network: RealBogusNetwork,
    data: LabelledSet,
    *,
    epochs: float,
    rate: float,
    seed: int,
    report: Callable[[str], None] = lambda line: None,
) -> None:
    """Minimise the cross-entropy with both classes weighted equally; the same seed gives the same weights.

    Stamps are turned, mirrored and shifted by up to a pixel; masks, single measurements and all of them are hidden
    at random, so that the network works without them.

    Parameters
    ----------
    network : RealBogusNetwork
        Changed in place.
    data : LabelledSet
        Both classes must be there.
    epochs : float
        How often each candidate is seen.
    rate : float
        Largest learning rate, of a cycle that rises over a tenth of the steps and falls as a cosine.
    seed : int
    report : callable, optional
        Told how it goes.
    """
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    weight = data.weight * np.where(
        data.real, 0.5 / data.weight[data.real].sum(), 0.5 / data.weight[~data.real].sum()
    )
    chance = np.cumsum(weight / weight.sum())
    steps = max(int(epochs * len(data.real) / _BATCH), 1)
    network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)
    mean_loss = 0.0
    for step in range(1, steps + 1):
        rows = np.minimum(np.searchsorted(chance, rng.random(_BATCH)), len(chance) - 1)
        planes, features = _varied(rng, data.planes[rows], data.features[rows])
        target = torch.from_numpy(data.real[rows].astype(np.float32)) * (1 - 2 * _SMOOTHING) + _SMOOTHING
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(planes, features), target)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        mean_loss += (loss.item() - mean_loss) / min(step, 200)
        if step % 200 == 0 or step == steps:
            report(f"step {step} of {steps}: loss {mean_loss:.4f}")


def _varied(
    rng: np.random.Generator, planes: NDArray[np.float16], features: NDArray[np.float32]
) -> tuple[torch.Tensor, torch.Tensor]:
    planes = planes.astype(np.float32)
    planes[rng.random(len(planes)) < _HIDDEN_MASKS, -1] = 0.0
    planes = np.rot90(planes, int(rng.integers(4)), axes=(2, 3))
    if rng.random() < 0.5:
        planes = planes[:, :, :, ::-1]
    shift = rng.integers(-_LARGEST_SHIFT, _LARGEST_SHIFT + 1, 2)
    planes = np.roll(planes, shift, axis=(2, 3))
    n, width = len(features), features.shape[1] // 2
    hidden = rng.random((n, width)) < np.where(rng.random((n, 1)) < _HIDDEN_ROWS, 1.0, _HIDDEN_VALUES)
    features = features.copy()
    features[:, :-1][np.tile(hidden, 2)] = 0.0
    tensor = torch.from_numpy(np.ascontiguousarray(planes)).contiguous(memory_format=torch.channels_last)
    return tensor, torch.from_numpy(features)


def log_odds(network: RealBogusNetwork, data: LabelledSet) -> Floats:
    """Return what the network thinks of candidates."""
    result = np.empty(len(data.real))
    with torch.no_grad():
        for first in range(0, len(result), _CHUNK):
            part = slice(first, first + _CHUNK)
            planes = torch.from_numpy(data.planes[part].astype(np.float32))
            result[part] = network(planes, torch.from_numpy(data.features[part])).numpy()
    return result


def calibrate(network: RealBogusNetwork, data: LabelledSet) -> None:
    """Scale and shift the log odds so that scores are probabilities on candidates that were not fitted.

    Both classes count alike, and targets are those of Platt (1999), in Advances in Large Margin Classifiers, 61: no
    number of examples makes one certain.
    """
    odds = torch.from_numpy(log_odds(network, data))
    real = torch.from_numpy(data.real.astype(np.float64))
    n_real, n_bogus = real.sum(), (1.0 - real).sum()
    weight = torch.where(real > 0, 0.5 / n_real, 0.5 / n_bogus)
    target = torch.where(real > 0, (n_real + 1.0) / (n_real + 2.0), 1.0 / (n_bogus + 2.0))
    scale = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([scale], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(
            scale[0] * odds + scale[1], target, weight=weight, reduction="sum"
        )
        value.backward()
        return value

    optimiser.step(loss)
    factor, offset = scale.detach().tolist()
    network.rescale(factor, offset)
