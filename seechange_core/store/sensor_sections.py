"""Properties of CCDs that were measured to differ from what the camera says of itself."""

from __future__ import annotations

from sqlalchemy import or_, select

from seechange_core.models import SensorSection
from seechange_core.store.database import Database

_PROPERTIES = ("gain", "read_noise_electron", "saturation_adu")


class SensorSections:
    """Looks overrides up.

    Parameters
    ----------
    database : Database
        Where the rows are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def overrides(self, instrument: str, section: str, mjd: float) -> dict[str, float]:
        """Return what overrides the instrument's own properties of a section at a time; of several rows the latest."""
        statement = (
            select(SensorSection)
            .where(
                SensorSection.instrument == instrument,
                SensorSection.section == section,
                SensorSection.valid_from_mjd <= mjd,
                or_(SensorSection.valid_to_mjd.is_(None), SensorSection.valid_to_mjd > mjd),
            )
            .order_by(SensorSection.valid_from_mjd.desc())
            .limit(1)
        )
        with self._database.read() as session:
            row = session.scalars(statement).first()
            return {
                name: getattr(row, name) for name in _PROPERTIES if row and getattr(row, name) is not None
            }
