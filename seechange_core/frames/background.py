"""The smooth light of the sky over an image."""

from __future__ import annotations

from dataclasses import dataclass

from seechange_core.frames.arrays import Pixels


@dataclass(frozen=True)
class BackgroundModel:
    """Sky level and its noise on a coarse mesh.

    Parameters
    ----------
    level, rms : array of shape (my, mx), float32
        Electrons, at the centres of the mesh cells.
    box : tuple of int
        Rows and columns of a mesh cell (pixel).
    shape : tuple of int
        Rows and columns of the image.
    mean_electron, rms_electron : float
        Medians over the mesh.
    """

    level: Pixels
    rms: Pixels
    box: tuple[int, int]
    shape: tuple[int, int]
    mean_electron: float
    rms_electron: float

    def __repr__(self) -> str:
        level = f"{self.mean_electron:.4g} electrons, noise {self.rms_electron:.4g}"
        return f"<BackgroundModel of {self.shape[0]} x {self.shape[1]} pixels: {level}>"
