"""The other sections of an exposure, read when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seechange_core.api import Instrument
from seechange_core.frames import SectionData


class OtherSections(Mapping[str, SectionData]):
    """Sections of an exposure by id; nothing is kept, so one at a time is in memory.

    Parameters
    ----------
    instrument : Instrument
        Reads them.
    files : sequence of Path
        Of the exposure.
    sections : sequence of str
        Which sections the files hold.
    """

    def __init__(self, instrument: Instrument, files: Sequence[Path], sections: Sequence[str]) -> None:
        self._instrument = instrument
        self._files = tuple(files)
        self._sections = tuple(sections)

    def __getitem__(self, section: str) -> SectionData:
        if section not in self._sections:
            raise KeyError(section)
        return self._instrument.read(self._files, section)

    def __contains__(self, section: object) -> bool:
        return section in self._sections

    def __iter__(self) -> Iterator[str]:
        return iter(self._sections)

    def __len__(self) -> int:
        return len(self._sections)
