"""Sky mappings and photometric solutions as JSON documents in their rows: exact, but for NaN, which becomes null."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from seechange_core.frames import PhotometricSolution, SkyMapping


def mapping_document(mapping: SkyMapping) -> dict[str, Any]:
    """Return all fields of a sky mapping as JSON values."""
    return {name: _json(value) for name, value in asdict(mapping).items()}


def mapping_from_document(document: dict[str, Any]) -> SkyMapping:
    """Return the sky mapping that `mapping_document` described."""
    arrays = {name: np.array(document[name], np.float64) for name in ("cd", "sip_a", "sip_b")}
    tuples = {name: tuple(document[name]) for name in ("crval", "crpix", "pv1", "pv2")}
    return SkyMapping(**arrays, **tuples, rms_mas=_number(document["rms_mas"]), n_stars=document["n_stars"])


def photometry_document(solution: PhotometricSolution) -> dict[str, Any]:
    """Return all fields of a photometric solution as JSON values."""
    return {name: _json(value) for name, value in asdict(solution).items()}


def photometry_from_document(document: dict[str, Any]) -> PhotometricSolution:
    """Return the solution that `photometry_document` described."""
    names = ("zero_point", "zero_point_error", "scatter", "colour_term")
    return PhotometricSolution(**{**document, **{name: _number(document[name]) for name in names}})


def _json(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return list(value) if isinstance(value, tuple) else value


def _number(value: float | None) -> float:
    return math.nan if value is None else value
