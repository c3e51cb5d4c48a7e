"""Measures the flux of an object on every difference image that covers it, and keeps what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from seechange_core.errors import StoreError
from seechange_core.frames.mapping import separation_deg
from seechange_core.imaging.photometry.forced_photometry import RADIUS_FWHM, forced_fluxes
from seechange_core.models import ForcedPhotometry, Object, row_id
from seechange_core.store import Store
from seechange_core.store.formats.source_pixels import read_around
from seechange_core.store.light_curves import DifferenceImage, forced_provenance

#: A source of the reference that lies within this many pixels of the object is the object.
_SAME_SOURCE_PIXEL = 1.0
#: So much is lost if the run is stopped.
_IMAGES_AT_ONCE = 200
_ARCSEC_PER_DEG = 3600.0

#: Flux and error, or NaN, and their unit.
ReferenceFlux = tuple[float, float, str]


def force(
    store: Store, target: Object, tag: str, say: Callable[[int, int], None] = lambda done, of: None
) -> int:
    """Measure an object on those difference images on which it was not, and return on how many it was.

    Parameters
    ----------
    store : Store
        Holds the images.
    target : Object
        Its position is held.
    tag : str
        Of the processing whose differences are used.
    say : callable
        Hears how many images are done, and of how many.

    Raises
    ------
    StoreError
        If the tag names no subtraction, or a file is missing.
    """
    todo: list[tuple[str, list[DifferenceImage]]] = []
    for instrument, subtraction in subtractions_of(store, tag).items():
        images = store.light_curves.unmeasured(target, subtraction)
        if images:
            provenance = forced_provenance(subtraction)
            store.provenances.set_tag(tag, instrument, [provenance], replace=True)
            todo.append((provenance.id, images))
    n_images, n_done = sum(len(images) for _, images in todo), 0
    reference_fluxes: dict[str, ReferenceFlux] = {}
    for provenance_id, images in todo:
        for start in range(0, len(images), _IMAGES_AT_ONCE):
            some = images[start : start + _IMAGES_AT_ONCE]
            for identity in {image.reference for image in some} - reference_fluxes.keys():
                reference_fluxes[identity] = _reference_flux(store, identity, target)
            store.light_curves.save(list(_measured(store, target, some, provenance_id, reference_fluxes)))
            n_done += len(some)
            say(n_done, n_images)
    return n_images


def subtractions_of(store: Store, tag: str) -> dict[str, str]:
    """Return the provenance ids of a tag's subtractions by camera.

    Raises
    ------
    StoreError
        If it has none.
    """
    found = {
        instrument: processes["subtraction"]
        for instrument, processes in store.provenances.tagged(tag).items()
        if "subtraction" in processes
    }
    if not found:
        raise StoreError(
            f"nothing was subtracted under the tag {tag!r}; 'seechange provenance tags' lists tags"
        )
    return found


def _measured(
    store: Store,
    target: Any,
    images: Sequence[DifferenceImage],
    provenance_id: str,
    reference_fluxes: dict[str, ReferenceFlux],
) -> Iterator[ForcedPhotometry]:
    places = [image.mapping.sky_to_pixel(target.ra, target.dec) for image in images]
    x, y = (np.array([float(place[axis]) for place in places]) for axis in (0, 1))
    pixels = [
        read_around(store.files.local_path(image.file), x[number], y[number], RADIUS_FWHM)
        for number, image in enumerate(images)
    ]
    found = forced_fluxes(pixels)
    for number, image in enumerate(images):
        factor = float(image.photometry.flux_per_electron_at(x[number], y[number])[0])
        reference_flux, reference_error, unit = reference_fluxes[image.reference]
        comparable = unit == image.photometry.flux_unit != "electron"
        yield ForcedPhotometry(
            id=row_id(f"{provenance_id}:{target.id}:{image.id}"),
            object_id=target.id,
            image_id=image.id,
            provenance_id=provenance_id,
            ra=target.ra,
            dec=target.dec,
            x=float(x[number]),
            y=float(y[number]),
            mjd=image.mjd,
            filter=image.filter,
            flux=float(found.flux[number]) * factor,
            flux_error=float(found.flux_error[number]) * factor,
            reference_flux=reference_flux if comparable else None,
            reference_flux_error=reference_error if comparable else None,
            flux_unit=image.photometry.flux_unit,
            masked_fraction=float(found.masked_fraction[number]),
            chi2=float(found.chi2[number]),
        )


def _reference_flux(store: Store, identity: str, target: Any) -> ReferenceFlux:
    """Return the PSF flux of the source that a reference has at the place of an object.

    Whether it looks like a star is not asked: a coadd of a variable star does not, where some members were clipped.
    """
    if not identity:
        return np.nan, np.nan, ""
    reference = store.references.load_sources(identity)
    sources, mapping, photometry = (reference[role] for role in ("sources", "mapping", "photometry"))
    ra, dec = mapping.pixel_to_sky(sources["x"], sources["y"])
    distance = separation_deg(target.ra, target.dec, ra, dec) * _ARCSEC_PER_DEG / mapping.pixel_scale_arcsec
    if not len(distance) or not distance.min() <= _SAME_SOURCE_PIXEL:
        return np.nan, np.nan, ""
    nearest = int(distance.argmin())
    factor = float(photometry.flux_per_electron_at(sources["x"][nearest], sources["y"][nearest])[0])
    flux, error = (float(sources[name][nearest]) * factor for name in ("flux", "flux_error"))
    return flux, error, photometry.flux_unit
