"""What people are told of a processed survey agrees with its truth."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from astropy.io import fits

from seechange_core.registry import Registry
from seechange_core.store.history import position_history
from seechange_core.store.night_checks import Night, check_night

SECTION = "C1"


def test_every_transient_has_a_fate_and_the_night_is_as_it_should_be(survey: Any, new_exposure: Path) -> None:
    (report,) = survey.process([new_exposure], sections=(SECTION,))
    assert report.state == "done", report.reason
    truth = fits.getdata(survey.files.truth, "TRANSIENTS")
    truth = truth[truth["section"] == SECTION]
    store, instruments = survey.services().store, Registry().components("instrument")
    exposure = store.exposures.chosen(new_exposure.name)
    verdicts: Counter[str] = Counter()
    for row in truth[::3]:
        (finding,) = position_history(
            store, float(row["ra"]), float(row["dec"]), instruments=instruments, exposure_id=exposure.id
        )
        snr = row["expected_snr"][0]
        verdicts[finding.verdict] += 1
        if snr > 10:
            assert finding.verdict in {"measured", "flagged"}, finding.summary
            assert finding.candidate.object is not None
        elif snr < 2:
            assert finding.verdict == "below threshold", finding.summary
        if finding.verdict == "below threshold":
            assert snr < 8, finding.summary
            # What is too faint to be found is fainter than the limit that is told, but for the noise.
            assert row["magnitude"][0] > finding.depth.limiting_magnitude - 0.75
    assert verdicts["measured"] > 5
    assert verdicts["below threshold"] > 5

    ra, dec = float(truth["ra"][0]), float(truth["dec"][0])
    history = position_history(store, ra, dec, instruments=instruments)
    stops = {one.exposure: one.stop and (one.stop.step, one.stop.state) for one in history}
    assert stops.pop(new_exposure.name) is None
    assert set(stops.values()) == {("photocal", "done")}

    night = Night.at(exposure.mjd, instruments["simcam"].site.longitude_deg)
    assert night.name.replace("-", "") in new_exposure.name
    checks = check_night(store.database, "simcam", night)
    one = next(one for one in checks.sections if one.section == SECTION)
    assert one.state == "done"
    assert one.n_peaks >= one.values["n_measurements"] == one.n_peaks - one.n_deleted
    assert sum(one.scores["rbscore"]) == one.values["n_measurements"]
    assert one.values["score_scatter"] > 0.9
    assert abs(one.values["star_residual"]) < 0.02
    assert next(drift.quantity.name for drift in checks.drifts if drift.before) == "seeing_arcsec"
    assert not [told for told in checks.unusual if "outside of" in told.text]
    store.database.close()
