"""PSF models as PSFEx writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from seechange_core.errors import InputError
from seechange_core.frames import PsfModel

_FIRST_PIXEL = 1.0


def psf_from_psfex(keywords: Mapping[str, Any], samples: ArrayLike) -> PsfModel:
    """Make a PSF model of a PSFEx file's keywords and its PSF_MASK.

    Parameters
    ----------
    keywords : mapping
        Header cards, or the columns of a one-row table (name to value or to array of one value), in upper or lower
        case: ``POLDEG1``, ``POLZERO1``, ``POLZERO2``, ``POLSCAL1``, ``POLSCAL2``, ``PSF_SAMP``, ``PSF_FWHM``. A
        constant PSF needs ``PSF_SAMP`` alone.
    samples : array of shape (n_terms, size, size) or (1, n_terms, size, size)
        The column PSF_MASK, terms in PSFEx's order: 1, x, x^2, ..., y, xy, ..., y^2.

    Returns
    -------
    PsfModel
        As PSFEx normalised it: to samples that sum to 1, not within 5 FWHM. PSFEx counts pixels from 1, the model
        from 0.

    Raises
    ------
    InputError
        If a keyword is missing or the number of terms does not fit the degree, or the polynomial has other variables
        than the position.
    """
    values = {str(key).upper(): value for key, value in keywords.items()}
    planes = np.asarray(samples, np.float64)
    mask = planes[0] if planes.ndim == 4 else planes
    groups = int(_number(values, "POLNGRP", 1))
    degree = int(_number(values, "POLDEG1", 0)) if groups > 0 else 0
    axes = int(_number(values, "POLNAXIS", 2))
    if degree > 0 and (axes != 2 or groups != 1):
        raise InputError(
            f"a PSFEx model with {axes} variables in {groups} groups cannot be used; it must depend on x and y alone"
        )
    n_terms = (degree + 1) * (degree + 2) // 2
    if mask.ndim != 3 or len(mask) != n_terms or mask.shape[1] != mask.shape[2] or mask.shape[1] % 2 == 0:
        raise InputError(
            f"PSF_MASK has the shape {mask.shape}; degree {degree} (POLDEG1) needs {n_terms} square planes of odd side"
        )
    sampling = _number(values, "PSF_SAMP")
    if not sampling > 0:
        raise InputError(f"PSF_SAMP is {sampling}; it must be positive")
    varies = degree > 0
    # Samples of 1 / sampling^2 a pixel sum to 1, so a pixel holds that many times the light of a sample.
    return PsfModel(
        coefficients=(mask / sampling**2).astype(np.float32),
        degree=degree,
        sampling=sampling,
        fwhm=_number(values, "PSF_FWHM", 0.0),
        x_zero=_number(values, "POLZERO1") - _FIRST_PIXEL if varies else 0.0,
        y_zero=_number(values, "POLZERO2") - _FIRST_PIXEL if varies else 0.0,
        x_scale=_number(values, "POLSCAL1") if varies else 1.0,
        y_scale=_number(values, "POLSCAL2") if varies else 1.0,
    )


def _number(values: Mapping[str, Any], keyword: str, default: float | None = None) -> float:
    if keyword not in values:
        if default is None:
            raise InputError(f"the PSFEx model lacks {keyword}")
        return default
    try:
        return float(np.asarray(values[keyword]).reshape(-1)[0])
    except (TypeError, ValueError, IndexError) as error:
        raise InputError(f"{keyword} of the PSFEx model is {values[keyword]!r}, not a number") from error
