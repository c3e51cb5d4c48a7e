"""Names commands to go on with, which work on the demonstration's data as they stand."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seechange_core.commands.demonstration.comparison import SectionComparison
from seechange_core.commands.demonstration.survey import PROFILE, SurveyRun
from seechange_core.store.listings import Selection, list_rows
from seechange_core.store.night_checks.night import Night

_AT_THE_POSITION_ARCSEC = 2.0


@dataclass
class _Transient:
    """What became of a transient in the new epochs: its position (deg), how often it was found, and its S/N."""

    ra: float
    dec: float
    n_epochs: int = 0
    n_found: int = 0
    snr: float = 0.0


def next_steps(run: SurveyRun, compared: Sequence[SectionComparison], folder: Path) -> list[str]:
    """Return lines for a shell; there are none where no transient was found."""
    transients = [one for one in _transients(compared).values() if one.n_found]
    if not transients:
        return []
    often = max(transients, key=lambda one: (one.n_found, one.snr))
    # One that was not found everywhere has more to tell.
    in_part = max(transients, key=lambda one: (one.n_found < one.n_epochs, one.snr))
    site = run.services.instrument.site
    night = Night.at(compared[-1].mjd, 0.0 if site is None else site.longitude_deg).name
    commands = [
        "seechange show objects --limit 5",
        f"seechange why {in_part.ra:.5f} {in_part.dec:.5f}",
        f"seechange report {night} --output {_quoted(folder / 'report.html')}",
    ]
    name = _object_at(run, often)
    if name is not None:
        picture = _quoted(folder / f"{name}.png")
        commands.insert(1, f"seechange lightcurve {name} --forced --plot {picture}")
    # `make demo` installs into an environment that the shell does not know yet.
    activate = Path(sys.prefix) / "bin" / "activate"
    first = [f". {_quoted(activate)}"] if shutil.which("seechange") is None and activate.exists() else []
    return [*first, f"export SEECHANGE_CONFIG={_quoted((folder / PROFILE).absolute())}", *commands]


def _transients(compared: Sequence[SectionComparison]) -> Mapping[int, _Transient]:
    found: dict[int, _Transient] = {}
    for section in compared:
        for row in section.transients:
            one = found.setdefault(int(row["id"]), _Transient(float(row["ra"]), float(row["dec"])))
            one.n_epochs += 1
            one.n_found += int(row["row"] >= 0)
            one.snr += float(row["snr"])
    return found


def _object_at(run: SurveyRun, transient: _Transient) -> str | None:
    cone = (transient.ra, transient.dec, _AT_THE_POSITION_ARCSEC)
    rows = list_rows(run.services.store.database, "objects", Selection(cone=cone, limit=1))
    return str(rows[0]["name"]) if rows else None


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
