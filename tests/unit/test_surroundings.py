from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.time import Time
from astropy.utils import iers

from seechange_core.api import Component, Site
from seechange_core.frames import (
    AsteroidTable,
    Difference,
    Frame,
    MaskPlane,
    MeasurementTable,
    PhotometricSolution,
    PsfModel,
    SkyMapping,
    SourceTable,
    StarTable,
    SurroundingsTable,
)
from seechange_core.imaging.astrometry.horizon import above_horizon
from seechange_core.imaging.astrometry.observer import Place
from seechange_core.imaging.candidates.nearest import nearest_on_sky
from seechange_core.imaging.candidates.saturated_stars import saturated_stars
from seechange_core.steps.step import (
    AsteroidRequest,
    CatalogRequest,
    ReferenceSources,
    ReferenceSourcesRequest,
    StepContext,
    StepResult,
    UsedStarsRequest,
)
from seechange_core.steps.surroundings import Surroundings, SurroundingsParams

SHAPE = (300, 400)
MJD = 60800.2
SCALE = 0.5
MAPPING = SkyMapping((150.0, -20.0), (199.5, 149.5), np.diag([-1.0, 1.0]) * SCALE / 3600.0, n_stars=9)
#: The reference has other pixels and another zero point.
REFERENCE_MAPPING = SkyMapping((150.01, -20.01), (250.0, 250.0), np.diag([-1.0, 1.0]) * 0.4 / 3600.0)
REFERENCE_PHOTOMETRY = PhotometricSolution(30.0, 0.01, 0.02, 30, "r")


class Camera(Component):
    site = Site(-70.8, -30.2, 2200.0)


class Galaxies(Component):
    name = "galaxies-of-the-south"


def table(kind: Any, n: int, **columns: Any) -> Any:
    empty = {name: np.zeros(n, dtype) for name, (dtype, _, _) in kind.COLUMNS.items()}
    return kind({**empty, **columns})


def measured(x: Any, y: Any) -> MeasurementTable:
    ra, dec = MAPPING.pixel_to_sky(x, y)
    return table(MeasurementTable, len(ra), x=x, y=y, ra=ra, dec=dec)


def at(x: Any, y: Any) -> dict[str, Any]:
    """Places on the sky of pixels of the image."""
    ra, dec = MAPPING.pixel_to_sky(np.asarray(x, float), np.asarray(y, float))
    return {"ra": ra, "dec": dec}


def reference_sources(x: Any, y: Any, **columns: Any) -> ReferenceSources:
    places = at(x, y)
    there = REFERENCE_MAPPING.sky_to_pixel(places["ra"], places["dec"])
    sources = table(SourceTable, len(x), x=there[0], y=there[1], **columns)
    return ReferenceSources(sources, REFERENCE_MAPPING, REFERENCE_PHOTOMETRY)


def stars(x: Any, y: Any, **columns: Any) -> StarTable:
    return table(StarTable, len(x), id=[f"star {i}" for i in range(len(x))], **at(x, y), **columns)


def inputs(x: Any, y: Any, mask: Any = None, **changes: Any) -> dict[str, Any]:
    mask = np.zeros(SHAPE, np.uint16) if mask is None else mask
    noise = np.random.default_rng(3).normal(0.0, 10.0, SHAPE).astype(np.float32)
    frame = Frame(noise, np.full(SHAPE, 100.0, np.float32), mask, {"mjd": MJD})
    psf = PsfModel(np.full((1, 5, 5), 0.04, np.float32), fwhm=3.0)
    made = {
        "image": frame,
        "difference": Difference(frame.data, frame.variance, mask, psf),
        "aligned_reference": replace(frame, mask=np.zeros(SHAPE, np.uint16)),
        "measurements": measured(np.asarray(x, float), np.asarray(y, float)),
        "mapping": MAPPING,
        "reference_sources": reference_sources([], []),
    }
    return made | changes


def run(given: dict[str, Any], galaxies: Any = (), camera: Any = None) -> StepResult:
    context = StepContext({"galaxies": galaxies}, camera or Camera())
    return Surroundings().run(given, SurroundingsParams(), context)


def row(given: dict[str, Any], **options: Any) -> SurroundingsTable:
    found: SurroundingsTable = run(given, **options).outputs["surroundings"]
    return found


def test_nearest_source_of_the_reference_with_its_brightness_and_shape() -> None:
    reference = reference_sources(
        [100.0, 104.0, 300.0], [100.0, 103.0, 30.0], flux=[1e4, 100.0, 1e5], is_star=[True, False, True]
    )
    sources = reference.sources.with_columns(extension=np.array([0.3, 12.0, -0.5]))
    given = inputs([105.0, 290.0], [103.0, 30.0], reference_sources=reference._replace(sources=sources))
    found = row(given)
    np.testing.assert_allclose(found["reference_source_distance"], [SCALE, 10 * SCALE], rtol=1e-3)
    # A zero point of 30 is 1.4 brighter than that of nJy.
    np.testing.assert_allclose(found["reference_source_flux"], np.array([100.0, 1e5]) * 10**0.56, rtol=1e-6)
    np.testing.assert_allclose(found["reference_source_magnitude"], [25.0, 17.5], atol=1e-4)
    np.testing.assert_allclose(found["reference_source_extension"], [12.0, -0.5])
    assert found["reference_source_is_star"].tolist() == [False, True]
    assert found.meta["flux_unit"] == found.unit("reference_source_flux") == "nJy"


def test_galaxies_are_extended_sources_unless_there_is_a_catalogue() -> None:
    reference = reference_sources(
        [101.0, 104.0, 100.0],
        [100.0, 100.0, 101.0],
        flux=[1e3, 1e3, 1e3],
        snr=[50.0, 50.0, 2.0],
        is_star=[True, False, False],
    )
    found = row(inputs([100.0], [100.0], reference_sources=reference))
    assert found["galaxy_distance"][0] == pytest.approx(4 * SCALE, rel=1e-3)
    assert found["galaxy_magnitude"][0] == pytest.approx(22.5, abs=1e-3)
    assert (found["galaxy_id"][0], found.meta["galaxies"]) == ("", "reference")

    catalogue = stars([106.0], [100.0], mag_r=[19.5])
    given = inputs([100.0], [100.0], reference_sources=reference, galaxies=catalogue)
    found = row(given, galaxies=(Galaxies(),))
    assert found["galaxy_distance"][0] == pytest.approx(6 * SCALE, rel=1e-3)
    assert (found["galaxy_id"][0], found["galaxy_magnitude"][0]) == ("star 0", 19.5)
    assert found.meta["galaxies"] == "galaxies-of-the-south"


def test_nearest_star_of_the_catalogue() -> None:
    catalogue = stars(
        [50.0, 60.0], [50.0, 50.0], mag_G=[15.0, 16.0], pmra=[3.0, np.nan], pmdec=[4.0, 1.0], variable=[1, 0]
    )
    found = row(inputs([51.0, 58.0], [50.0, 50.0], stars=catalogue))
    assert found["star_id"].tolist() == ["star 0", "star 1"]
    np.testing.assert_allclose(found["star_distance"], [SCALE, 2 * SCALE], rtol=1e-3)
    assert found["star_magnitude"].tolist() == [15.0, 16.0]
    assert found["star_variable"].tolist() == [1, 0]
    assert found["star_proper_motion"][0] == 5.0
    assert np.isnan(found["star_proper_motion"][1])


def test_catalogue_that_says_nothing_of_brightness_motion_and_variability() -> None:
    found = row(inputs([51.0], [50.0], stars=stars([50.0], [50.0])))
    assert found["star_variable"][0] == -1
    assert np.isnan([found["star_magnitude"][0], found["star_proper_motion"][0]]).all()


def test_saturated_star_with_its_size_and_magnitude() -> None:
    mask = np.zeros(SHAPE, np.uint16)
    mask[100:110, 200:205] = MaskPlane.SATURATED
    mask[105:140, 202] |= np.uint16(MaskPlane.BLEED)
    mask[20, 20] = MaskPlane.SATURATED
    catalogue = stars([202.3, 207.0, 250.0], [104.6, 104.0, 120.0], mag_G=[11.0, 14.0, 9.0])
    found = row(inputs([214.0, 24.0], [105.0, 23.0], mask, stars=catalogue))
    np.testing.assert_allclose(found["saturated_distance"], [10 * SCALE, 5 * SCALE], rtol=1e-3)
    assert found["saturated_pixels"].tolist() == [50, 1]
    assert found["saturated_magnitude"][0] == 11.0
    assert np.isnan(found["saturated_magnitude"][1])


def test_saturated_stars_of_the_reference_count_too() -> None:
    given = inputs([100.0], [100.0])
    mask = np.zeros(SHAPE, np.uint16)
    mask[100, 110] = MaskPlane.SATURATED
    given["aligned_reference"] = replace(given["aligned_reference"], mask=mask)
    result = run(given)
    assert result.outputs["surroundings"]["saturated_distance"][0] == pytest.approx(5.0, rel=1e-3)
    assert result.metrics["n_saturated_stars"] == 1


def test_saturated_pixels_of_neighbouring_stars_are_told_apart() -> None:
    mask = np.zeros(SHAPE, np.uint16)
    mask[50:53, 50:53] = mask[50:53, 70:72] = mask[299, 399] = MaskPlane.SATURATED
    found = saturated_stars(mask)
    assert sorted(found.n_pixels.tolist()) == [1, 6, 9]
    assert {(51.0, 51.0), (70.5, 51.0), (399.0, 299.0)} == set(
        zip(found.x.tolist(), found.y.tolist(), strict=True)
    )


def test_nearest_known_asteroid() -> None:
    places = at([80.0, 90.0], [200.0, 200.0])
    asteroids = AsteroidTable(
        {"name": ["(1) Ceres", "2024 AB1"], **places, "magnitude": [8.0, np.nan], "motion": [40.0, 90.0]}
    )
    found = row(inputs([81.0, 90.0], [200.0, 203.0], asteroids=asteroids))
    assert found["asteroid"].tolist() == ["(1) Ceres", "2024 AB1"]
    np.testing.assert_allclose(found["asteroid_distance"], [SCALE, 3 * SCALE], rtol=1e-3)
    assert found["asteroid_motion"].tolist() == [40.0, 90.0]
    assert found["asteroid_magnitude"][0] == 8.0
    assert np.isnan(found["asteroid_magnitude"][1])


def test_what_there_is_nothing_of_is_unknown() -> None:
    found = row(inputs([81.0], [200.0]), camera=type("Elsewhere", (Component,), {"site": None})())
    for name, (dtype, _, _) in SurroundingsTable.COLUMNS.items():
        if np.issubdtype(dtype, np.floating):
            assert np.isnan(found[name]).all(), name
    assert (found["star_id"][0], found["galaxy_id"][0], found["asteroid"][0]) == ("", "", "")
    assert found["star_variable"][0] == -1
    assert row(inputs([], [])).n_rows == 0


def test_without_a_mapping_only_pixels_tell() -> None:
    mask = np.zeros(SHAPE, np.uint16)
    mask[100, 110] = MaskPlane.SATURATED
    given = inputs([100.0], [100.0], mask, mapping=None)
    nowhere = given["measurements"].with_columns(ra=[np.nan], dec=[np.nan])
    image = replace(given["image"], info={"mjd": MJD, "pixel_scale_arcsec": 0.4})
    found = row(given | {"measurements": nowhere, "image": image})
    assert found["saturated_distance"][0] == pytest.approx(4.0)
    assert np.isnan([found["reference_source_distance"][0], found["airmass"][0]]).all()


def test_only_what_is_configured_is_asked_for() -> None:
    given = inputs([100.0], [100.0])

    def asked(params: SurroundingsParams, galaxies: Any = (), **changes: Any) -> list[Any]:
        return list(
            Surroundings().requests(given | changes, params, StepContext({"galaxies": galaxies}, Camera()))
        )

    assert [type(request) for request in asked(SurroundingsParams())] == [
        ReferenceSourcesRequest,
        UsedStarsRequest,
    ]
    *_, galaxies, asteroids = asked(
        SurroundingsParams(orbits="MPCORB.DAT", margin_arcsec=36.0), (Galaxies(),)
    )
    assert isinstance(galaxies, CatalogRequest)
    assert isinstance(asteroids, AsteroidRequest)
    # Half the diagonal of 400 by 300 pixels of 0.5 arcsec, and the margin.
    assert asteroids.radius_deg == pytest.approx((125.0 + 36.0) / 3600.0, rel=1e-4)
    assert asteroids.ra_deg == pytest.approx(150.0)
    assert asteroids.mjd == MJD
    relative = replace(MAPPING, relative_to="first.fits")
    everything = SurroundingsParams(orbits="MPCORB.DAT")
    assert [type(request) for request in asked(everything, (Galaxies(),), mapping=relative)] == [
        ReferenceSourcesRequest
    ]


def test_orbits_change_the_provenance_when_there_are_any_and_not_when_they_are_renewed() -> None:
    without, one, other = (SurroundingsParams(orbits=path).critical() for path in (None, "a.dat", "b.dat"))
    assert one == other != without


def test_distances_across_right_ascension_0_and_at_the_pole() -> None:
    distance, index = nearest_on_sky(
        np.array([359.9999, 10.0, np.nan]),
        np.array([0.0, 89.9999, 0.0]),
        np.array([0.0001, 190.0, np.nan]),
        np.array([0.0, 89.9999, 0.0]),
    )
    np.testing.assert_allclose(distance[:2], 0.72, rtol=1e-6)
    assert index.tolist() == [0, 1, -1]
    assert np.isnan(distance[2])


@pytest.mark.parametrize("hours", [-3.0, -0.2, 0.2, 2.0])
def test_airmass_and_parallactic_angle_agree_with_astropy(hours: float) -> None:
    place = Place(-70.8, -30.2, 2200.0)
    site = EarthLocation.from_geodetic(place.longitude_deg, place.latitude_deg, place.elevation_m)
    time = Time(MJD, format="mjd", scale="utc")
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("iers_degraded_accuracy", "ignore"):
        ra = (time.sidereal_time("mean", site).deg - 15.0 * hours) % 360.0
        positions = SkyCoord([ra, ra], [-50.0, 10.0], unit="deg")
        frame = AltAz(obstime=time, location=site)
        seen = positions.transform_to(frame)
        # The zenith's position angle, from the positions of both.
        zenith = SkyCoord(0 * units.deg, 90 * units.deg, frame=frame).transform_to("icrs")
        angle = positions.position_angle(zenith).wrap_at(180 * units.deg).deg
    airmass, found = above_horizon(positions.ra.deg, positions.dec.deg, MJD, place)
    # The plane-parallel airmass is too high by up to half a per cent at these altitudes.
    np.testing.assert_allclose(airmass, seen.secz, rtol=0.006)
    # North is that of the date; it has turned by up to 0.15 deg against that of the ICRS.
    difference = (found - angle + 180.0) % 360.0 - 180.0
    np.testing.assert_allclose(difference, 0.0, atol=0.3)
    assert math.copysign(1.0, found[1]) == math.copysign(1.0, hours)


def test_far_below_the_horizon_the_airmass_is_that_of_the_horizon() -> None:
    airmass, _ = above_horizon(np.array([0.0]), np.array([89.0]), MJD, Place(-70.8, -80.0, 0.0))
    assert airmass[0] == pytest.approx(38.7, abs=0.1)
