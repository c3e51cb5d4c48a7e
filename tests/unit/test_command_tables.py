"""Rows as people and machines read them."""

from __future__ import annotations

import json

import pytest

from seechange_core.commands.tables import print_rows

ROWS = [
    {"name": "a", "ra": 150.123456789, "mjd": 61000.123456, "flux": 1234.56789, "snr": None},
    {"name": "longer", "ra": 2.0, "mjd": 61000.0, "flux": 0.000123456789, "snr": 5.25},
]


def test_columns_are_aligned_and_positions_keep_their_precision(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(ROWS, as_json=False, nothing="")
    assert capsys.readouterr().out.splitlines() == [
        "name    ra         mjd          flux         snr",
        "a       150.12346  61000.12346  1234.5679    -",
        "longer  2.00000    61000.00000  0.000123457  5.25",
    ]


def test_machines_get_every_digit(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(ROWS, as_json=True, nothing="")
    assert json.loads(capsys.readouterr().out) == ROWS


def test_no_rows_are_told_in_words_or_as_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([], as_json=False, nothing="no references")
    print_rows([], as_json=True, nothing="no references")
    assert capsys.readouterr().out == "no references\n[]\n"


def test_ids_are_cut_to_what_tells_them_apart(capsys: pytest.CaptureFixture[str]) -> None:
    ids = [f"0123abcd-89ab-cdef-0123-456789abcd{last}" for last in ("ef", "ff")]
    other = "f123abcd-89ab-cdef-0123-456789abcdef"
    print_rows([{"id": one, "image": other} for one in ids], as_json=False, nothing="")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1:] == [[one[:35], other[:8]] for one in ids]
