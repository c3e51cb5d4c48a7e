"""Builds references: chooses images, adds them up, calibrates the result, and registers it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

import numpy as np

from seechange_core.errors import MissingInput, Rejected, SeeChangeError
from seechange_core.imaging.alignment.overlap import overlap_fraction
from seechange_core.imaging.alignment.sky_grid import SkyGrid
from seechange_core.models import row_id
from seechange_core.pipeline import (
    CALIBRATED_ROLES,
    REFERENCING,
    coadd_plan,
    exposure_plan,
    referencing_provenance,
)
from seechange_core.provenance import product_id
from seechange_core.runner.coadd_cell import CoaddCell
from seechange_core.runner.drive import drive
from seechange_core.runner.products import Products
from seechange_core.runner.section_report import DONE, REJECTED
from seechange_core.runner.services import Services
from seechange_core.steps.referencing import Candidate, choose
from seechange_core.store.calibrated_images import CalibratedImageRow
from seechange_core.store.record import ProductRecord

_BESIDE = 0.5


@dataclass(frozen=True)
class BuiltReference:
    """What came out.

    Parameters
    ----------
    reference : str
        Its identity.
    reference_set, filter, sky_cell : str
        Where it belongs.
    images : list of str
        Primary keys of the images that went in, best seeing first.
    left_out : dict of str to str
        Primary key of each other image, and why it did not go in.
    replaced : list of str
        Identities of the references whose place it took.
    beside : list of str
        Identities of other references of the set, camera and filter that cover half of it or more and may be chosen.
    metrics : dict
        Of coaddition, extraction, astrocal and photocal by process.
    """

    reference: str
    reference_set: str
    filter: str
    sky_cell: str
    images: list[str]
    left_out: dict[str, str]
    replaced: list[str]
    beside: list[str]
    metrics: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def build_reference(
    services: Services,
    *,
    filter: str,
    position: tuple[float, float] | None = None,
    after_mjd: float | None = None,
    before_mjd: float | None = None,
    images: Sequence[UUID] = (),
    reference_set: str,
    replaces: Sequence[str] = (),
    started: Callable[[str], None] = lambda process: None,
) -> BuiltReference:
    """Build a reference from images that the profile's chain calibrated.

    Parameters
    ----------
    filter : str
        Short name.
    position : tuple of float, optional
        Right ascension and declination (deg) that every image has to cover.
    after_mjd, before_mjd : float, optional
        Use only images taken after, and before, these times.
    images : sequence of UUID, optional
        Use these images only: primary keys, as ``seechange show images`` lists them.
    reference_set : str
        Name; the set is made if it is new.
    replaces : sequence of str
        Identities of references that are chosen no more once this one is there.
    started : callable
        Hears the name of each process before it runs.

    Raises
    ------
    MissingInput
        If there are too few good images.
    Rejected
        If the coadd cannot be calibrated, or is beyond a gate.
    StoreError
        If a reference that is to be replaced does not exist.
    """
    for identity in replaces:
        services.store.references.check(identity)
    profile = services.profile
    params = profile.parameters(REFERENCING)
    photocal = exposure_plan(profile)["photocal"].provenance
    rows = services.store.calibrated_images.find(
        photocal_provenance=photocal.id,
        filter=filter,
        position=position,
        after_mjd=after_mjd,
        before_mjd=before_mjd,
        images=images,
    )
    by_key = {str(row_id(row.product_ids["image"])): row for row in rows}
    chosen, left_out = choose([_candidate(key, row) for key, row in by_key.items()], params)
    if len(chosen) < params.min_images:
        which = "among those named" if images else f"that cover {position}"
        raise MissingInput("images", _too_few(f"{filter} {which}", len(chosen), params.min_images, left_out))
    members = [by_key[entry.image] for entry in chosen]
    footprints = [tuple(np.transpose(row.corners)) for row in members]
    scale = services.instrument.pixel_scale_arcsec or _scale_of(services, members[0])
    cell = CoaddCell(services, SkyGrid.covering(footprints, scale), members, filter)
    progress = drive(cell, coadd_plan(profile), services, started=started)
    if progress.state == REJECTED:
        raise Rejected(f"the coadd was rejected at {progress.step}: {progress.reason}")
    if progress.state != DONE:
        raise SeeChangeError(f"the coadd failed at {progress.step}: {progress.reason}")
    choice = {"chosen": [entry.image for entry in chosen], "left_out": left_out}
    identity = _register(services, cell, progress.product_ids, reference_set, choice)
    replaced = [other for other in replaces if other != identity]
    for other in replaced:
        services.store.references.retire(other, replaced_by=identity)
    return BuiltReference(
        reference=identity,
        reference_set=reference_set,
        filter=filter,
        sky_cell=cell.place,
        images=[entry.image for entry in chosen],
        left_out=left_out,
        replaced=replaced,
        beside=_beside(services, cell, identity, reference_set),
        metrics={step.process: dict(step.metrics) for step in progress.steps},
    )


def _register(
    services: Services,
    cell: CoaddCell,
    product_ids: dict[str, str],
    reference_set: str,
    choice: dict[str, Any],
) -> str:
    products = Products(services.store.products)
    products.ids |= product_ids
    provenance = referencing_provenance(services.profile)
    inputs = {role: product_ids[role] for role in CALIBRATED_ROLES}
    identity = product_id(provenance.id, f"{reference_set}/{cell.place}", inputs)
    record = ProductRecord(
        product_id=identity,
        provenance=provenance,
        place=cell.place,
        anchor=identity,
        inputs=inputs,
        observation=cell.observation(products),
        metrics=choice,
    )
    return services.store.references.register(
        record,
        reference_set=reference_set,
        mapping=products["mapping"],
        shape=cell.grid.shape,
        made_for=services.profile.parameters(REFERENCING).made_for,
    )


def _beside(services: Services, cell: CoaddCell, identity: str, reference_set: str) -> list[str]:
    footprint = cell.grid.mapping.footprint(cell.grid.shape)
    return [
        row.identity
        for _, row in services.store.references.listed(reference_set, filter=cell.filter)
        if row.identity != identity
        and row.instrument == services.instrument.name
        and overlap_fraction(*footprint, *np.transpose(row.corners or [])) >= _BESIDE
    ]


def _candidate(key: str, row: CalibratedImageRow) -> Candidate:
    return Candidate(
        image=key,
        section=row.section,
        mjd=row.mjd,
        exposure_s=row.exposure_s,
        seeing_arcsec=float(row.metrics.get("seeing_arcsec", np.nan)),
        n_stars=int(row.metrics.get("n_stars", 0)),
        zero_point_scatter_mag=float(row.metrics.get("scatter_mag") or 0.0),
        limiting_mag=math.nan if row.limiting_mag is None else row.limiting_mag,
        sky_mag_arcsec2=_sky_brightness(row.metrics),
        corners=row.corners,
    )


def _sky_brightness(metrics: Mapping[str, Any]) -> float:
    """Return the surface brightness (mag/arcsec2) of the sky; NaN if it was not measured."""
    names = ("background_electron", "zero_point", "seeing_arcsec", "fwhm_pixel")
    electron, zero_point, seeing_arcsec, fwhm_pixel = (float(metrics.get(name) or math.nan) for name in names)
    per_arcsec2 = electron / (seeing_arcsec / fwhm_pixel) ** 2
    return zero_point - 2.5 * math.log10(per_arcsec2) if per_arcsec2 > 0 else math.nan


def _scale_of(services: Services, row: CalibratedImageRow) -> float:
    mapping = services.store.products.load(row.product_ids["mapping"], "mapping")
    return float(mapping.pixel_scale_arcsec)


def _too_few(which: str, n_good: int, n_wanted: int, left_out: dict[str, str]) -> str:
    if not n_good and not left_out:
        return (
            f"there are no calibrated images in {which}, made as the profile says: process exposures through photocal "
            "with the same profile; 'seechange show images' lists what is there"
        )
    reasons = "".join(f"\n  left out {image}: {reason}" for image, reason in left_out.items())
    return f"{n_good} calibrated images in {which} are good enough, {n_wanted} are needed{reasons}"
