"""Files of orbits: read once, and with the rough places of one day once a day, whoever asks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seechange_core.errors import InputError
from seechange_core.frames import AsteroidTable, OrbitTable
from seechange_core.imaging.asteroids.daily_places import daily_places, within_reach
from seechange_core.imaging.asteroids.ephemeris import seen_asteroids
from seechange_core.imaging.astrometry.observer import Place
from seechange_core.store.atomic import refused, synced, temporary_path
from seechange_core.store.files import file_sha256
from seechange_core.store.formats.orbits import orbit_blocks
from seechange_core.store.locking import locked

_FOLDER = "orbits"
_NAME_BYTES = 40
#: How an orbit is kept: the columns of `OrbitTable`, the name in UTF-8.
_ORBIT = np.dtype(
    [
        (name, f"S{_NAME_BYTES}" if dtype is np.str_ else dtype)
        for name, (dtype, _, _) in OrbitTable.COLUMNS.items()
    ]
)
#: Of the arrays that are kept and of what computes them; raised when either changes, so that none of before is used.
_FORMAT = 1
_BLOCK = 65536
#: So many of each kind stay; older ones go when a new one is made.
_KEPT_DAYS, _KEPT_FILES = 10, 2


class Orbits:
    """Known asteroids.

    Parameters
    ----------
    root : Path
        The data folder: what is read of a file is kept in its folder ``orbits``.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / _FOLDER
        self._identities: dict[tuple[str, int, int], str] = {}

    def identity(self, path: Path) -> str:
        """Return the SHA-256 of a file of orbits, computed again when its time or size changes.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        try:
            state = path.stat()
        except OSError as error:
            raise InputError(
                f"orbits: {path} cannot be read ({error.strerror}): get a file of orbits, or leave"
                " surroundings.orbits out"
            ) from error
        key = (str(path), state.st_mtime_ns, state.st_size)
        if key not in self._identities:
            self._identities[key] = file_sha256(path)
        return self._identities[key]

    def seen(
        self,
        path: Path,
        identity: str,
        *,
        ra_deg: float,
        dec_deg: float,
        radius_deg: float,
        mjd: float,
        place: Place | None,
    ) -> AsteroidTable:
        """Return the asteroids that can be seen in a cone at a time, and some around it.

        Parameters
        ----------
        path, identity
            The file of orbits, and what `identity` said of it.
        ra_deg, dec_deg, radius_deg : float
            The cone, ICRS.
        mjd : float
            Time (UTC).
        place : Place or None
            Of the telescope; None is the Earth's centre.

        Raises
        ------
        InputError
            If the file is no file of orbits, or another one than when `identity` was asked.
        """
        orbits = self._kept(identity, lambda: self._read(path, identity))
        day = int(np.floor(mjd))
        places = self._kept(f"{identity}_{day}", lambda: daily_places(_blocks(orbits), day))
        near = within_reach(places, ra_deg, dec_deg, radius_deg)
        return seen_asteroids(_table(orbits[near]), mjd, place)

    def _read(self, path: Path, identity: str) -> NDArray[np.void]:
        if self.identity(path) != identity:
            raise InputError(
                f"orbits: {path} changed after work on this image began; put the old file back, or delete what was"
                " made of the image since the subtraction and process it again"
            )
        return np.concatenate([_records(block) for block in orbit_blocks(path)])

    def _kept(self, name: str, make: Callable[[], NDArray[np.void]]) -> NDArray[np.void]:
        """Return an array that stays on the disk; one process makes it while others wait, if it is not there."""
        path = self._folder / f"{_FORMAT}-{name}.npy"
        with suppress(FileNotFoundError):
            # Those that are not in use go first.
            os.utime(path)
            return _loaded(path)
        with locked(self._folder / "locks" / f"{name}.lock"):
            if not path.exists():
                _write(path, make())
                _forget_old(self._folder)
            return _loaded(path)


def _loaded(path: Path) -> NDArray[np.void]:
    array: NDArray[np.void] = np.load(path, mmap_mode="r")
    return array


def _write(path: Path, array: NDArray[np.void]) -> None:
    temporary = temporary_path(path)
    try:
        with temporary.open("wb") as file:
            np.save(file, array)
        synced(temporary).replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise refused(path, error) from error


def _forget_old(folder: Path) -> None:
    """Remove all but the newest arrays; whoever is reading one keeps it until it is done."""
    newest_first = sorted(folder.glob("*.npy"), key=lambda path: path.stat().st_mtime, reverse=True)
    days = [path for path in newest_first if "_" in path.name]
    orbits = [path for path in newest_first if "_" not in path.name]
    for path in (*days[_KEPT_DAYS:], *orbits[_KEPT_FILES:]):
        path.unlink(missing_ok=True)


def _records(orbits: OrbitTable) -> NDArray[np.void]:
    records = np.empty(orbits.n_rows, _ORBIT)
    for name in OrbitTable.COLUMNS:
        records[name] = np.char.encode(orbits[name], "utf-8") if name == "name" else orbits[name]
    return records


def _table(records: NDArray[np.void]) -> OrbitTable:
    names = np.char.decode(records["name"], "utf-8", "ignore")
    return OrbitTable({**{name: records[name] for name in OrbitTable.COLUMNS}, "name": names})


def _blocks(records: NDArray[np.void]) -> Iterator[OrbitTable]:
    return (_table(records[start : start + _BLOCK]) for start in range(0, len(records), _BLOCK))
