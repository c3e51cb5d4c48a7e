"""Sky mappings and photometric solutions as JSON documents in their rows: exact, but for NaN, which becomes null."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from seechange_core.frames import PhotometricSolution, SkyMapping
from seechange_core.store.json_values import json_values


def mapping_document(mapping: SkyMapping) -> dict[str, Any]:
    """Return all fields of a sky mapping as JSON values."""
    return _document(mapping)


def mapping_from_document(document: dict[str, Any]) -> SkyMapping:
    """Return the sky mapping that `mapping_document` described."""
    (ra, dec), (x, y) = document["crval"], document["crpix"]
    return SkyMapping(
        crval=(ra, dec),
        crpix=(x, y),
        cd=np.array(document["cd"], np.float64),
        sip_a=np.array(document["sip_a"], np.float64),
        sip_b=np.array(document["sip_b"], np.float64),
        pv1=tuple(document["pv1"]),
        pv2=tuple(document["pv2"]),
        rms_mas=_number(document["rms_mas"]),
        n_stars=document["n_stars"],
        error_mas=_number(document.get("error_mas")),
        log10_chance=_number(document.get("log10_chance")),
        relative_to=document.get("relative_to", ""),
    )


def photometry_document(solution: PhotometricSolution) -> dict[str, Any]:
    """Return all fields of a photometric solution as JSON values."""
    return _document(solution)


def photometry_from_document(document: dict[str, Any]) -> PhotometricSolution:
    """Return the solution that `photometry_document` described."""
    names = ("zero_point", "zero_point_error", "scatter", "colour_term")
    rows, columns = document.get("shape", (1, 1))
    return PhotometricSolution(
        **{
            **document,
            **{name: _number(document[name]) for name in names},
            "variation": tuple(document.get("variation", ())),
            "shape": (rows, columns),
        }
    )


def _document(value: SkyMapping | PhotometricSolution) -> dict[str, Any]:
    document: dict[str, Any] = json_values(asdict(value))
    return document


def _number(value: float | None) -> float:
    return math.nan if value is None else value
