"""Rows of what is found on an image: sources, PSF, background, detections, stamps."""

from __future__ import annotations

from collections.abc import Sequence

from seechange_core.frames import BackgroundModel, DetectionTable, PsfModel, SourceTable, Stamps
from seechange_core.models import PSF, Background, Base, Cutouts, SourceList
from seechange_core.store.rows.saving import Saving


def source_rows(saving: Saving) -> list[Sequence[Base]]:
    """Return the row of an image's source list."""
    sources: SourceTable = saving.outputs["sources"]
    row = SourceList(
        id=saving.id,
        image_id=saving.input_id("image"),
        n_sources=sources.n_rows,
        limiting_flux_electron=sources.meta.get("limiting_flux_electron"),
        **saving.files["sources"].columns(),
    )
    return [[row]]


def psf_rows(saving: Saving) -> list[Sequence[Base]]:
    """Return the row of an image's PSF, which was measured on the source list of the same product."""
    psf: PsfModel = saving.outputs["psf"]
    row = PSF(
        id=saving.id,
        source_list_id=saving.id,
        image_id=saving.input_id("image"),
        fwhm_pixel=psf.fwhm,
        n_stars=psf.n_stars,
        **saving.files["psf"].columns(),
    )
    return [[row]]


def background_rows(saving: Saving) -> list[Sequence[Base]]:
    """Return the row of an image's background."""
    background: BackgroundModel = saving.outputs["background"]
    row = Background(
        id=saving.id,
        image_id=saving.input_id("image"),
        level_electron=background.mean_electron,
        noise_electron=background.rms_electron,
        **saving.files["background"].columns(),
    )
    return [[row]]


def detection_rows(saving: Saving) -> list[Sequence[Base]]:
    """Return the row of the detections on a difference."""
    detections: DetectionTable = saving.outputs["detections"]
    row = SourceList(
        id=saving.id,
        image_id=saving.input_id("difference"),
        is_difference=True,
        n_sources=detections.n_rows,
        limiting_flux_electron=None,
        **saving.files["detections"].columns(),
    )
    return [[row]]


def stamp_rows(saving: Saving) -> list[Sequence[Base]]:
    """Return the row of the stamps around detections."""
    stamps: Stamps = saving.outputs["stamps"]
    row = Cutouts(
        id=saving.id,
        source_list_id=saving.input_id("detections"),
        image_id=saving.input_id("difference"),
        n_cutouts=stamps.n_candidates,
        size_pixel=stamps.size,
        **saving.files["stamps"].columns(),
    )
    return [[row]]
