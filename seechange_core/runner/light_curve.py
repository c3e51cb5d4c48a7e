"""The light curve of an object as people and other programs take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seechange_core.errors import InputError, StoreError
from seechange_core.frames import Floats
from seechange_core.frames.light_curve import LightCurveTable
from seechange_core.imaging.astrometry.barycentric_time import Geodetic, bjd_tdb
from seechange_core.imaging.photometry.light_curve import baselines, limiting_magnitudes, magnitudes
from seechange_core.models import Object
from seechange_core.registry import Registry
from seechange_core.runner.forced_photometry import subtractions_of
from seechange_core.store import Store
from seechange_core.store.detection_limits import UNKNOWN_LIMIT, detection_limits

#: An event lasts from so long before the first detection until so long after the last one (day).
BEFORE_DAY, AFTER_DAY = 30.0, 100.0


def light_curve(
    store: Store,
    registry: Registry,
    target: Object,
    *,
    tag: str = "current",
    forced: bool = False,
    event: tuple[float, float] | None = None,
) -> LightCurveTable:
    """Return the light curve of an object from what is stored.

    Parameters
    ----------
    store : Store
        Holds the fluxes.
    registry : Registry
        Knows where cameras stand.
    target : Object
        Whose.
    tag : str
        Of the processing.
    forced : bool
        What was measured at its place on every difference, rather than what was detected.
    event : tuple of float, optional
        First and last MJD of what happened; the baseline is the mean flux of other epochs. By default from 30 days
        before the first detection to 100 days after the last; without a detection there is no baseline.

    Raises
    ------
    InputError
        If the event is no interval of finite times.
    StoreError
        If there is nothing.
    """
    if event is not None and not -np.inf < event[0] <= event[1] < np.inf:
        raise InputError(
            f"an event from {event[0]} to {event[1]} leaves no baseline: give two finite MJD, the earlier one first"
        )
    detected = store.light_curves.detected(target, tag)
    rows = store.light_curves.forced(target, subtractions_of(store, tag).values()) if forced else detected
    if not rows:
        raise StoreError(
            f"nothing was measured of the object {target.name} under the tag {tag!r}; "
            "'seechange provenance tags' lists tags"
        )
    times = [row["mjd"] for row in detected]
    if event is None:
        event = (min(times) - BEFORE_DAY, max(times) + AFTER_DAY) if times else (-np.inf, np.inf)
    columns = _columns(rows)
    columns["bjd_tdb"] = _barycentric(rows, registry, target)
    columns |= _derived(columns, event)
    columns |= _limits(store, rows, columns)
    units = sorted(set(columns["flux_unit"]))
    meta = {"object": target.name, "ra": target.ra, "dec": target.dec, "tag": tag, "forced": forced}
    return LightCurveTable(
        {name: columns[name] for name in LightCurveTable.COLUMNS},
        meta | ({"flux_unit": units[0]} if len(units) == 1 else {}),
    )


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    columns: dict[str, Any] = {
        name: np.array([str(row[name]) for row in rows])
        for name in ("filter", "flux_unit", "image_id", "reference_image_id")
    }
    columns |= {
        name: np.array([row.get(name) for row in rows], np.float64)
        for name in ("mjd", "flux", "flux_error", "reference_flux", "reference_flux_error")
    }
    columns["badness"] = np.array([row["badness"] for row in rows], np.int64)
    columns["displaced"] = np.array([row.get("displaced", False) for row in rows], np.int64)
    return columns


def _derived(columns: Mapping[str, Any], event: tuple[float, float]) -> dict[str, Floats]:
    groups = [columns[name] for name in ("filter", "flux_unit", "reference_image_id")]
    _, group = np.unique(np.stack(groups), axis=1, return_inverse=True)
    flux, error = columns["flux"], columns["flux_error"]
    usable = np.where((columns["badness"] == 0) & (columns["displaced"] == 0), flux, np.nan)
    baseline, baseline_error = baselines(columns["mjd"], usable, error, group.ravel(), event)
    total = flux + columns["reference_flux"]
    total_error = np.hypot(error, columns["reference_flux_error"])
    calibrated = np.where(columns["flux_unit"] == "nJy", 1.0, np.nan)
    magnitude, magnitude_error = magnitudes(flux * calibrated, error)
    total_magnitude, total_magnitude_error = magnitudes(total * calibrated, total_error)
    return {
        "baseline": baseline,
        "baseline_error": baseline_error,
        "total_flux": total,
        "total_flux_error": total_error,
        "magnitude": magnitude,
        "magnitude_error": magnitude_error,
        "total_magnitude": total_magnitude,
        "total_magnitude_error": total_magnitude_error,
    }


def _limits(store: Store, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limit of the search of each image at the place of the object, and its kind."""
    with store.database.read() as session:
        of_image = detection_limits(session, {row["image_id"] for row in rows})
    in_njy = columns["flux_unit"] == "nJy"
    noise = limiting_magnitudes(np.where(in_njy, columns["flux_error"], np.nan))
    limits = [of_image.get(row["image_id"], UNKNOWN_LIMIT) for row in rows]
    return {
        "limiting_magnitude": np.array([limit.at(own) for limit, own in zip(limits, noise, strict=True)]),
        "limit_kind": np.where(in_njy, [limit.kind_at_place for limit in limits], ""),
    }


def _barycentric(rows: Sequence[Mapping[str, Any]], registry: Registry, target: Any) -> Floats:
    mjd = np.array([row["mjd"] for row in rows], np.float64)
    cameras = np.array([row["instrument"] for row in rows])
    found = np.empty(len(mjd))
    for camera in np.unique(cameras):
        own = cameras == camera
        found[own] = bjd_tdb(mjd[own], target.ra, target.dec, _site(registry, str(camera)))
    return found


def _site(registry: Registry, camera: str) -> Geodetic | None:
    """Return where a camera stands; None if its plugin is not installed or does not say."""
    installed = registry.components("instrument")
    site = getattr(installed.get(camera), "site", None)
    return None if site is None else (site.longitude_deg, site.latitude_deg, site.elevation_m)
