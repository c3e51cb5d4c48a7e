"""What a run leaves of the tag `current` when it fails, is interrupted, or goes on with other settings."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from seechange_core.models import ProvenanceTag
from seechange_core.runner.section_report import DONE, FAILED
from seechange_core.steps.photocal import Photocal


def named(survey: Any) -> dict[str, str]:
    rows = survey.rows(ProvenanceTag, ProvenanceTag.tag == "current", ProvenanceTag.instrument == "simcam")
    return {row.process: row.provenance_id for row in rows}


def test_tag_follows_only_what_a_run_made(
    survey: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = named(survey)
    one, other_settings = [survey.files.reference[0]], "photocal.magnitude_limit=19.5"

    def run() -> Any:
        (report,) = survey.process(one, other_settings, through="photocal")
        return report

    for error in (RuntimeError("no luck"), KeyboardInterrupt()):

        def fail(*given: Any, error: BaseException = error) -> None:
            raise error

        with monkeypatch.context() as broken:
            broken.setattr(Photocal, "run", fail)
            if isinstance(error, KeyboardInterrupt):
                with pytest.raises(KeyboardInterrupt):
                    run()
            else:
                assert run().state == FAILED
        assert named(survey) == before
    with caplog.at_level(logging.WARNING, "seechange_core.runner.run_tag"):
        assert run().state == DONE
    after = named(survey)
    assert {process for process in before if after[process] != before[process]} == {"photocal"}
    # The other two of the reference, and the other section of this one.
    assert "3 exposures of simcam" in caplog.text
