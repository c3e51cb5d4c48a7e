from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from seechange_core.errors import InputError
from seechange_core.frames import OrbitTable
from seechange_core.imaging.asteroids.ephemeris import seen_asteroids
from seechange_core.store.formats.orbits import orbit_blocks
from seechange_core.store.orbits import Orbits

#: Ceres and an orbit without number, in the columns of the Minor Planet Center.
CERES = (
    "00001    3.34  0.15 K2555 188.70269   73.27343   80.25221   10.58780  0.0794013  0.21424651   2.7660512"
    "  0 E2024-V47  7330 125 1801-2024 0.80 M-v 30k MPCLINUX   4000      (1) Ceres              20241101"
)
UNNUMBERED = (
    "K24A01B 18.21       K24BL 212.49019  356.78620   36.72000   13.19000  0.3300000  0.43300000   1.6500000"
    "  2 MPO123456    52   1   9 days 0.40 M-v 3Ek MPCALB     0000                              20240120"
)
HEADER = "MINOR PLANET CENTER ORBIT DATABASE (MPCORB)\n\nDes'n     H     G   Epoch     M\n" + "-" * 160 + "\n"
TABLE = """full_name,epoch_mjd,a,e,i,om,w,ma,H
"     1 Ceres",60800,2.7660512,0.0794013,10.5878,80.25221,73.27343,188.70269,3.34
(2024 AB1),60665,1.65,0.33,13.19,36.72,356.7862,212.49019,
(2019 Q4),60665,-0.85,3.357,44.05,308.15,209.12,34.2,12.7
"""


def read(path: Path) -> OrbitTable:
    (orbits,) = orbit_blocks(path)
    return orbits


@pytest.fixture
def mpcorb(tmp_path: Path) -> Path:
    path = tmp_path / "MPCORB.DAT"
    path.write_text(HEADER + CERES + "\n\n" + UNNUMBERED + "\n")
    return path


def test_orbits_of_the_minor_planet_center(mpcorb: Path) -> None:
    orbits = read(mpcorb)
    assert orbits["name"].tolist() == ["(1) Ceres", "K24A01B"]
    # 2025 May 5 and 2024 November 21.
    assert orbits["epoch_mjd"].tolist() == [60800.0, 60635.0]
    expected = {
        "semi_major_axis": [2.7660512, 1.65],
        "eccentricity": [0.0794013, 0.33],
        "inclination": [10.5878, 13.19],
        "node": [80.25221, 36.72],
        "perihelion": [73.27343, 356.7862],
        "mean_anomaly": [188.70269, 212.49019],
        "absolute_magnitude": [3.34, 18.21],
        "slope": [0.15, 0.15],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(orbits[name], values, rtol=1e-6)


def test_packed_and_without_header(mpcorb: Path, tmp_path: Path) -> None:
    other = tmp_path / "subset.dat.gz"
    other.write_bytes(gzip.compress((CERES + "\r\n" + UNNUMBERED + "\r\n").encode()))
    first, second = read(mpcorb), read(other)
    assert all((first[name] == second[name]).all() for name in OrbitTable.COLUMNS)


def test_table_of_jpl_without_what_is_no_ellipse(tmp_path: Path) -> None:
    path = tmp_path / "orbits.csv"
    path.write_text(TABLE)
    orbits = read(path)
    assert orbits["name"].tolist() == ["1 Ceres", "(2024 AB1)"]
    assert orbits["inclination"].tolist() == [10.5878, 13.19]
    assert np.isnan(orbits["absolute_magnitude"][1])
    assert orbits["slope"].tolist() == pytest.approx([0.15, 0.15])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.dat", HEADER + CERES[:90], "line 5 of .* has 90 characters"),
        ("a.dat", HEADER, "has no orbits"),
        (
            "a.dat",
            HEADER + CERES.replace("188.70269", "188.7x269"),
            "line 5 .*'188.7x269' is no mean anomaly",
        ),
        ("a.dat", HEADER + CERES.replace("K2555", "K25D5"), "line 5 .*'K25D5' is no epoch"),
        ("a.dat", HEADER + CERES.replace("0.0794013", "         "), "line 5 .*'' is no eccentricity"),
        ("a.csv", TABLE.replace(",ma,", ",M,"), "has no column ma; "),
        ("a.csv", TABLE.replace("full_name", "spkid"), "has no column full_name or name or pdes"),
        ("a.csv", TABLE.replace("10.5878", "ten"), "line 2 .*'ten' is no inclination"),
        ("a.csv", TABLE + "short,1\n", "line 5 .* has 2 columns, the first line 9"),
        ("a.csv", "", "has no column"),
        ("a.csv.gz", "not packed", "cannot be read"),
    ],
)
def test_errors_name_file_line_and_column(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError, match=message) as raised:
        list(orbit_blocks(path))
    assert "surroundings.orbits" in str(raised.value)


def test_file_is_read_once_and_used_after_it_changed(mpcorb: Path, tmp_path: Path) -> None:
    store = Orbits(tmp_path / "data")
    identity = store.identity(mpcorb)
    expected = seen_asteroids(read(mpcorb), 60790.3, None)
    cone = {"ra_deg": expected["ra"][0], "dec_deg": expected["dec"][0], "radius_deg": 0.1, "mjd": 60790.3}
    first = store.seen(mpcorb, identity, **cone, place=None)
    assert first["name"].tolist() == ["(1) Ceres"]
    assert (first["ra"][0], first["dec"][0]) == (expected["ra"][0], expected["dec"][0])
    mpcorb.write_text(HEADER + UNNUMBERED)
    os.utime(mpcorb, ns=(1, 1))
    assert store.identity(mpcorb) != identity
    # A run that was interrupted goes on with the orbits that it had chosen.
    again = Orbits(tmp_path / "data").seen(mpcorb, identity, **cone, place=None)
    assert again["ra"][0] == first["ra"][0]
    with pytest.raises(InputError, match="changed after work on this image began"):
        Orbits(tmp_path / "other").seen(mpcorb, identity, **cone, place=None)


def test_old_days_are_forgotten(mpcorb: Path, tmp_path: Path) -> None:
    store = Orbits(tmp_path / "data")
    for day in range(60790, 60805):
        cone = {"ra_deg": 0.0, "dec_deg": 0.0, "radius_deg": 0.1, "mjd": day + 0.1}
        store.seen(mpcorb, store.identity(mpcorb), **cone, place=None)
    kept = sorted(path.stem.partition("_")[2] for path in (tmp_path / "data" / "orbits").glob("*.npy"))
    assert kept == ["", *(str(day) for day in range(60795, 60805))]


def test_missing_file_names_the_key(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.dat cannot be read \(No such file.*surroundings.orbits"):
        Orbits(tmp_path).identity(tmp_path / "none.dat")
