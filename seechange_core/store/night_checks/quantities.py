"""What is compared with earlier nights and over the sections of a night."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Quantity:
    """A metric of a step, with what is known of it beforehand.

    Parameters
    ----------
    name, process : str
        The metric and the process that measures it.
    title, unit : str
        For people.
    worse : {"above", "below", "both"}
        On which side of the usual something is wrong.
    least_scatter : float
        Scatter from night to night that is always normal, so that quiet nights do not make trifles unusual.
    advice : str
        What to look at.
    relative : bool
        Whether the least scatter is a part of the usual value.
    expected : tuple of float or None
        Range in which it must be whatever it was before; None where nature decides.
    shown_times : float
        Factor from the metric to `unit`.
    decimals : int
        That people are shown.
    """

    name: str
    process: str
    title: str
    unit: str
    worse: Literal["above", "below", "both"]
    least_scatter: float
    advice: str
    relative: bool = False
    expected: tuple[float, float] | None = None
    shown_times: float = 1.0
    decimals: int = 2

    def value(self, metrics: Mapping[str, Any]) -> float | None:
        """Take the value from the metrics of the process; None where it was not measured."""
        found = metrics.get(self.name)
        return float(found) if isinstance(found, int | float) and math.isfinite(found) else None

    def floor(self, usual: float) -> float:
        """Return the scatter that is always normal."""
        return self.least_scatter * abs(usual) if self.relative else self.least_scatter

    def shown(self, value: float) -> str:
        """Return a value with its unit."""
        space = "" if self.unit in {"", "%"} else " "
        return f"{value * self.shown_times:.{self.decimals}f}{space}{self.unit}"


_CAMERA = "the camera's focus, tracking and dome; then the weather"
_FIT = "the registration, the PSFs and the age of the reference"

#: In the order of the report.
QUANTITIES: tuple[Quantity, ...] = (
    Quantity("seeing_arcsec", "extraction", "seeing", "arcsec", "above", 0.15, _CAMERA),
    Quantity("ellipticity", "extraction", "ellipticity of stars", "", "above", 0.02, "guiding and wind", decimals=3),
    Quantity("sky_electron_per_s", "extraction", "sky", "electron/s", "above", 0.2, "moon, twilight, clouds", True,
             decimals=1),
    Quantity("unusable_fraction", "preprocessing", "masked pixels", "%", "above", 0.002,
             "bad-pixel masks, saturation, trails", shown_times=100.0),
    Quantity("rms_mas", "astrocal", "astrometric residuals", "mas", "above", 2.0, "the catalogue and the distortion",
             decimals=1),
    Quantity("zero_point_per_s", "photocal", "zero point (1 electron/s)", "mag", "below", 0.03,
             "clouds, then dew or dust on the optics"),
    Quantity("scatter_mag", "photocal", "scatter of the zero point's stars", "mag", "above", 0.003,
             "thin clouds, the flat field", decimals=3),
    Quantity("limiting_magnitude", "photocal", "5 sigma limit of new images", "mag", "below", 0.1,
             "seeing, sky and clouds above"),
    Quantity("registration_error_x", "subtraction", "registration error", "pixel", "above", 0.005, _FIT, decimals=3),
    Quantity("star_flux_ratio", "subtraction", "flux ratio of stars to zero points", "", "both", 0.004,
             "one of the two zero points", expected=(0.98, 1.02), decimals=3),
    Quantity("score_scatter", "subtraction", "scatter of the significance", "sigma", "both", 0.02,
             "noise model, gain, and what the reference adds: false detections rise with it", expected=(0.9, 1.1),
             decimals=3),
    Quantity("star_residual", "subtraction", "light left of bright stars", "%", "both", 0.002, _FIT,
             expected=(-0.02, 0.02), shown_times=100.0),
    Quantity("star_residual_scatter", "subtraction", "scatter of the light left", "%", "above", 0.003, _FIT,
             shown_times=100.0),
    Quantity("star_residual_significant", "subtraction", "bright stars left above 5 sigma", "%", "above", 0.03, _FIT,
             shown_times=100.0, decimals=1),
    Quantity("difference_limiting_magnitude", "subtraction", "5 sigma limit of differences", "mag", "below", 0.1,
             "depth of the new images and of the reference"),
    Quantity("sky_magnitude50", "completeness", "half of injected sources found", "mag", "below", 0.1,
             "what the search loses beyond noise: cuts, masks, deblending"),
    Quantity("n_detections", "detection", "detections a section", "", "both", 0.25,
             "scatter of the significance, registration, and the reference's age", True, decimals=0),
    Quantity("n_measurements", "measuring", "candidates a section", "", "both", 0.25, "the cuts of measuring", True,
             decimals=0),
)  # fmt: skip
