"""Properties of CCDs that were measured to differ from what the camera says of itself."""

from __future__ import annotations

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from seechange_core.models import SensorSection, row_id
from seechange_core.store.database import Database

_PROPERTIES = ("gain", "read_noise_electron", "saturation_adu")


class SensorSections:
    """Overrides by section and time.

    Parameters
    ----------
    database : Database
        Where the rows are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(
        self,
        instrument: str,
        section: str,
        *,
        valid_from_mjd: float,
        valid_to_mjd: float | None = None,
        gain: float | None = None,
        read_noise_electron: float | None = None,
        saturation_adu: float | None = None,
        defective: bool | None = None,
    ) -> None:
        """Say what is true of a section from a time on; what was said for the same beginning before is replaced.

        Parameters
        ----------
        valid_from_mjd, valid_to_mjd : float
            From, inclusive, and to, exclusive; None for no end.
        gain : float, optional
            Electron per ADU, of all amplifiers; None leaves the camera's own value, here and below.
        read_noise_electron, saturation_adu : float, optional
            Of all amplifiers.
        defective : bool, optional
            Whether the section is left out unless it is asked for.
        """
        row = SensorSection(
            id=row_id(f"sensor:{instrument}:{section}:{valid_from_mjd!r}"),
            instrument=instrument,
            section=section,
            valid_from_mjd=valid_from_mjd,
            valid_to_mjd=valid_to_mjd,
            gain=gain,
            read_noise_electron=read_noise_electron,
            saturation_adu=saturation_adu,
            defective=defective,
        )

        def work(session: Session) -> None:
            session.merge(row)

        self._database.transact(work)

    def overrides(self, instrument: str, section: str, mjd: float) -> dict[str, float]:
        """Return what overrides the camera's own properties of a section at a time; of several rows the latest."""
        wanted = _valid(instrument, mjd).where(SensorSection.section == section).limit(1)
        with self._database.read() as session:
            row = session.scalars(wanted).first()
            return {
                name: getattr(row, name) for name in _PROPERTIES if row and getattr(row, name) is not None
            }

    def defective(self, instrument: str, mjd: float) -> dict[str, bool]:
        """Return for each section of which it is said whether it is defective at a time."""
        said: dict[str, bool] = {}
        with self._database.read() as session:
            for row in session.scalars(_valid(instrument, mjd)):
                if row.defective is not None:
                    said.setdefault(row.section, row.defective)
        return said


def _valid(instrument: str, mjd: float) -> Select[SensorSection]:
    """Return a query for the rows that hold at a time, the latest first."""
    return (
        select(SensorSection)
        .where(
            SensorSection.instrument == instrument,
            SensorSection.valid_from_mjd <= mjd,
            or_(SensorSection.valid_to_mjd.is_(None), SensorSection.valid_to_mjd > mjd),
        )
        .order_by(SensorSection.valid_from_mjd.desc())
    )
