"""Gates: what a step measured is good, deserves a warning, or is beyond use."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import model_validator

from seechange_core.api import Params, Rejected, parameter

GOOD, WARN = "good", "warn"


class Limits(Params):
    """Thresholds of one quantity; a limit that is left out does not apply."""

    warn_below: float | None = parameter(None, description="Below it a warning is given")
    warn_above: float | None = parameter(None, description="Above it a warning is given")
    reject_below: float | None = parameter(None, description="Below it the image is rejected")
    reject_above: float | None = parameter(None, description="Above it the image is rejected")

    def passed(self, kind: str, value: float) -> str:
        """Return which limit of a kind (``"warn"`` or ``"reject"``) a value goes beyond, in words; empty for none."""
        below, above = getattr(self, f"{kind}_below"), getattr(self, f"{kind}_above")
        if below is not None and not value >= below:
            return f"below {below:g}"
        if above is not None and not value <= above:
            return f"above {above:g}"
        return ""


class Gate(Limits):
    """Thresholds of one quantity, in all filters or by filter."""

    usual: dict[str, float] = parameter(
        {},
        description="What is usual, by filter: limits are then for the difference from it, and for no other filter",
    )
    filters: dict[str, Limits] = parameter({}, description="Limits of single filters, instead of those above")

    def of_filter(self, name: str) -> Limits:
        """Return the limits in a filter."""
        return self.filters.get(name, self)


class GatedParams(Params):
    """Base class of the parameters of steps that have gates.

    Attributes
    ----------
    quantities : mapping of str to str
        Metric of the step that a gate can be set on to the flag (a name of `models.Badness` in lower case) of an image
        that is rejected for it.
    """

    quantities: ClassVar[Mapping[str, str]] = {}

    gates: dict[str, Gate] = parameter(
        {},
        description="Thresholds by quantity: warn_below, warn_above, reject_below, reject_above, and by filter usual"
        " and filters; see the how-to on gates",
    )

    @model_validator(mode="after")
    def _known_quantities(self) -> GatedParams:
        unknown = sorted(set(self.gates) - set(self.quantities))
        if unknown:
            raise ValueError(
                f"gates: {', '.join(unknown)} is not measured here; there are {', '.join(self.quantities)}"
            )
        return self


def judged(params: Params, metrics: Mapping[str, Any], filter_name: str, process: str) -> dict[str, str]:
    """Hold what a step measured against its gates.

    Returns
    -------
    dict of str to str
        By quantity ``"good"`` or ``"warn"``; a warning is given for the latter. A quantity that was not measured passes
        no limit and is left out.

    Raises
    ------
    Rejected
        If something is beyond a limit, with all reasons and their flags.
    """
    if not isinstance(params, GatedParams):
        return {}
    quality: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for quantity, gate in params.gates.items():
        value = metrics.get(quantity)
        if value is None or (gate.usual and filter_name not in gate.usual):
            continue
        difference = float(value) - gate.usual.get(filter_name, 0.0)
        limits = gate.of_filter(filter_name)
        told = f"{quantity} is {value:.4g}"
        told += f", {difference:+.3f} from the usual {gate.usual[filter_name]:g}" if gate.usual else ""
        rejected, warned = limits.passed("reject", difference), limits.passed("warn", difference)
        quality[quantity] = WARN if warned else GOOD
        if rejected:
            reasons[quantity] = f"{told}: {rejected}"
        elif warned:
            warnings.warn(f"{told}: {warned} ({process}.gates)", stacklevel=2)
    if reasons:
        reason = "; ".join(reasons.values()) + f" ({process}.gates)"
        flags = tuple(dict.fromkeys(params.quantities[quantity] for quantity in reasons))
        raise Rejected(reason, metrics, flags)
    return quality
