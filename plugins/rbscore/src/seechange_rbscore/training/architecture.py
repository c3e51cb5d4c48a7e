"""The network in PyTorch."""

from __future__ import annotations

import torch
from torch import nn

from seechange_rbscore.features import N_FEATURES
from seechange_rbscore.planes import N_PLANES, SIZE

#: Channels of the convolutions of 3 x 3 pixels, and where the image is halved: after these.
CHANNELS = (16, 32, 32, 64, 64)
POOLED = (0, 2, 3)
_STAMP_OUTPUTS, _FEATURE_OUTPUTS, _HIDDEN = 64, 32, 32


class RealBogusNetwork(nn.Module):
    """Convolutions of the stamps, a layer on the measurements, and two layers on both."""

    def __init__(self) -> None:
        super().__init__()
        inputs = (N_PLANES, *CHANNELS)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in zip(inputs, CHANNELS, strict=False)
        )
        side = SIZE // 2 ** len(POOLED)
        self.stamps = nn.Linear(CHANNELS[-1] * side * side, _STAMP_OUTPUTS)
        self.features = nn.Linear(N_FEATURES, _FEATURE_OUTPUTS)
        self.hidden = nn.Linear(_STAMP_OUTPUTS + _FEATURE_OUTPUTS, _HIDDEN)
        self.output = nn.Linear(_HIDDEN, 1)

    @classmethod
    def seeded(cls, seed: int) -> RealBogusNetwork:
        """Return a network with random weights: the same seed gives the same ones."""
        torch.manual_seed(seed)
        return cls()

    def forward(self, planes: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Return the log odds of being real, shape (n,)."""
        values = planes
        for number, convolution in enumerate(self.convolutions):
            values = torch.relu(convolution(values))
            if number in POOLED:
                values = nn.functional.max_pool2d(values, 2)
        seen = torch.relu(self.stamps(values.flatten(1)))
        known = torch.relu(self.features(features))
        return self.output(torch.relu(self.hidden(torch.cat([seen, known], dim=1))))[:, 0]

    def rescale(self, factor: float, offset: float) -> None:
        """Make the log odds ``factor * log odds + offset``: a calibration."""
        with torch.no_grad():
            self.output.weight *= factor
            self.output.bias.copy_(self.output.bias * factor + offset)
