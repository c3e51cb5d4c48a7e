"""A calibration file as a product: its identity, its row, what is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seechange_core.frames import Calibration
from seechange_core.provenance import Provenance, product_id
from seechange_core.runner.calibration_inputs import Corrections
from seechange_core.runner.calibration_jobs import CalibrationJob
from seechange_core.runner.services import Services
from seechange_core.store.record import Observation, ProductRecord
from seechange_core.store.rows.calibrations import Validity


@dataclass(frozen=True)
class BuiltCalibration:
    """A calibration file that was made and registered, or why it could not be made.

    Parameters
    ----------
    kind, section, filter : str
        What it is; the filter is empty for kinds that do not depend on it.
    identity : str
        Its product id; empty if it was not made.
    n_exposures : int
        That went in.
    rejected : dict of str to str
        Why exposures were left out, by their name.
    metrics : dict
        Its quality.
    problem : str
        Why it was not made; empty if it was.
    """

    kind: str
    section: str
    filter: str
    identity: str
    n_exposures: int
    rejected: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class CalibrationProduct:
    """One calibration file that is to be made.

    Parameters
    ----------
    job : CalibrationJob
        Of which exposures.
    provenance : Provenance
        How.
    corrections : Corrections
        What the exposures are corrected with before.
    """

    job: CalibrationJob
    provenance: Provenance
    corrections: Corrections

    def record(self, services: Services) -> ProductRecord:
        """Make provenance and exposures known, and return what is to be saved; the order of exposures is irrelevant."""
        services.store.provenances.register([self.provenance])
        exposures = sorted(
            services.store.exposures.register(services.instrument.name, one.header, one.files).identity
            for one in self.job.exposures
        )
        inputs = {f"exposure_{number}": identity for number, identity in enumerate(exposures)}
        inputs |= self.corrections.inputs
        identity = product_id(self.provenance.id, self.job.section, inputs)
        observation = Observation(
            instrument=services.instrument.name,
            filter=self.job.filter,
            mjd=self.job.mjd,
            exposure_s=self.job.exposures[0].header.exposure_s,
            section=self.job.section,
        )
        return ProductRecord(identity, self.provenance, self.job.section, identity, inputs, observation)

    def known(self, services: Services, identity: str) -> BuiltCalibration | None:
        """Return what was made before."""
        if not services.store.calibrations.has(identity):
            return None
        metrics = services.store.calibrations.metrics(identity)
        return self._told(identity, metrics.pop("rejected", {}), metrics)

    def register(
        self,
        services: Services,
        record: ProductRecord,
        calibration: Calibration,
        rejected: Mapping[str, str],
        metrics: Mapping[str, Any],
        validity: Validity,
    ) -> BuiltCalibration:
        """Write file and rows."""
        services.store.calibrations.register(
            record.finished("", {**metrics, "rejected": dict(rejected)}),
            calibration,
            valid_from_mjd=validity.from_mjd,
            valid_to_mjd=validity.to_mjd,
        )
        return self._told(record.product_id, dict(rejected), dict(metrics))

    def failed(self, problem: str) -> BuiltCalibration:
        """Say why it could not be made."""
        return BuiltCalibration(self.job.kind, self.job.section, self.job.filter, "", 0, problem=problem)

    def _told(self, identity: str, rejected: dict[str, str], metrics: dict[str, Any]) -> BuiltCalibration:
        job = self.job
        number = int(metrics.get("n_combined", 0))
        return BuiltCalibration(job.kind, job.section, job.filter, identity, number, rejected, metrics)
