"""What a session or a notebook shows of products: in a line what they are, never their pixels."""

from __future__ import annotations

from uuid import UUID

import numpy as np

from seechange_core.frames import BackgroundModel, Difference, Frame, MaskPlane, PsfModel, StarTable
from seechange_core.models import Measurements


def test_products_say_what_they_are() -> None:
    pixels = np.zeros((40, 60), np.float32)
    mask = np.zeros(pixels.shape, np.uint16)
    mask[:4] = MaskPlane.BAD
    frame = Frame(pixels, pixels + 1, mask, {"filter": "r", "mjd": 57000.25, "exposure_s": 60.0})
    psf = PsfModel(np.ones((3, 25, 25), np.float32), degree=1, fwhm=4.2, n_stars=31)
    difference = Difference(pixels, pixels + 1, mask, psf, score=pixels)
    background = BackgroundModel(pixels, pixels, (64, 64), (2048, 4096), 1234.5, 35.2)

    assert repr(frame) == "<Frame 40 x 60 pixels, r, MJD 57000.25000, 60 s; 10.0 % unusable>"
    assert repr(psf) == "<PsfModel FWHM 4.20 pixels, 25 x 25 samples, degree 1, 31 stars>"
    assert repr(difference) == f"<Difference 40 x 60 pixels, with score; {psf}>"
    assert repr(background) == "<BackgroundModel of 2048 x 4096 pixels: 1234 electrons, noise 35.2>"


def test_rows_say_what_they_are() -> None:
    row = Measurements(id=UUID(int=0xABC << 104), filter="g", mjd=57000.5)
    assert repr(row) == "<Measurements 000abc00 filter=g mjd=57000.5>"


def test_tables_are_tables_in_a_notebook() -> None:
    n = 30
    columns = {name: np.zeros(n) for name in ("ra", "dec", "ra_error", "dec_error")}
    stars = StarTable({"id": [f"<{number}>" for number in range(n)], **columns})
    shown = stars._repr_html_()
    assert shown.count("<tr>") == 1 + 10
    assert "&lt;9&gt;" in shown
    assert "<th>ra_error<br>mas</th>" in shown
    assert "StarTable, 30 rows" in shown
