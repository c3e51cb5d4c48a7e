from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table

from seechange_core.imaging.asteroids.ephemeris import seen_asteroids
from seechange_core.imaging.astrometry.observer import Place
from seechange_core.imaging.candidates.nearest import nearest_on_sky
from seechange_core.models import Measurements, Product, Surroundings
from seechange_core.store import DataStore
from seechange_core.store.formats.orbits import orbit_blocks


def write_orbits(path: Path, number: int, seed: int = 1) -> None:
    rng = np.random.default_rng(seed)
    columns = {
        "full_name": [f"simulated {number}" for number in range(number)],
        "epoch_mjd": np.full(number, 61000),
        "a": rng.uniform(2.2, 3.2, number),
        "e": rng.uniform(0.0, 0.2, number),
        "i": rng.uniform(0.0, 25.0, number),
        **{name: rng.uniform(0.0, 360.0, number) for name in ("om", "w", "ma")},
        "H": rng.uniform(12.0, 18.0, number),
    }
    Table(columns).write(path, format="ascii.csv", overwrite=True)


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_candidates_know_what_is_near_them(survey: Any, new_exposure: Path, tmp_path: Path) -> None:
    orbits = tmp_path / "orbits.csv"
    write_orbits(orbits, 20_000)
    asked = (f"surroundings.orbits={orbits}", "surroundings.margin_arcsec=3600")
    (report,) = survey.process([new_exposure], *asked)
    assert report.state == "done", report.reason
    measured = sorted(survey.rows(Measurements), key=lambda row: row.row)
    rows = {row.measurement_id: row for row in survey.rows(Surroundings)}
    found = [rows[row.id] for row in measured]
    assert len(found) == len(rows) > 5
    ra, dec = (np.array([getattr(row, name) for row in measured]) for name in ("ra", "dec"))

    # The stars that the astrometry asked for; they move by up to some tenths of an arcsecond.
    stars = Table.read(survey.files.catalog)
    stars = stars[stars["mag_G"] < 20.5]
    distance, _ = nearest_on_sky(ra, dec, *(np.asarray(stars[name], float) for name in ("ra", "dec")))
    np.testing.assert_allclose([row.star_distance for row in found], distance, atol=0.3)
    assert {row.star_id for row in found} <= {str(value) for value in stars["id"]}

    (all_orbits,) = orbit_blocks(orbits)
    services = survey.services()
    site = services.instrument.site
    place = Place(site.longitude_deg, site.latitude_deg, site.elevation_m)
    seen = seen_asteroids(all_orbits, measured[0].mjd, place)
    distance, index = nearest_on_sky(ra, dec, seen["ra"], seen["dec"])
    assert [row.asteroid for row in found] == seen["name"][index].tolist()
    np.testing.assert_allclose([row.asteroid_distance for row in found], distance, rtol=1e-5)

    assert {row.galaxies for row in found} == {"reference"}
    assert all(row.reference_source_distance >= 0 for row in found)
    assert all(1.0 <= row.airmass < 40 for row in found)
    (product,) = survey.rows(Product, Product.process == "surroundings")
    assert product.inputs["asteroids"] == services.store.orbits.identity(orbits)

    section = DataStore(services.store, exposure_id=product.exposure_id, section_id="C1")
    table = section.get_surroundings()
    assert table is not None
    np.testing.assert_allclose(table["asteroid_distance"], distance, rtol=1e-5)
    services.store.database.close()


def test_what_was_made_is_found_again_with_newer_orbits(
    survey: Any, new_exposure: Path, tmp_path: Path
) -> None:
    orbits = tmp_path / "orbits.csv"
    write_orbits(orbits, 10)
    survey.process([new_exposure], f"surroundings.orbits={orbits}")
    write_orbits(orbits, 10, seed=2)
    (again,) = survey.process([new_exposure], f"surroundings.orbits={orbits}")
    assert [step.process for step in again.steps if step.made] == []
    (without,) = survey.process([new_exposure])
    assert [step.process for step in without.steps if step.made] == ["surroundings", "scoring"]


def test_missing_file_of_orbits_fails_the_section(survey: Any, new_exposure: Path, tmp_path: Path) -> None:
    (report,) = survey.process([new_exposure], f"surroundings.orbits={tmp_path / 'none.dat'}")
    assert (report.state, report.step) == ("failed", "surroundings")
    assert "leave surroundings.orbits out" in report.reason
