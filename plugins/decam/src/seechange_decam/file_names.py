"""What the names of DECam's files say (https://noirlab.edu/science/data-services/data/telescopes)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# Filter and version follow in the names of products, and in those of cut-outs the CCD.
_NAME = re.compile(
    r"(?P<start>c4d_\d{6}_\d{6}_)(?P<kind>[dfoz]ri|oo[diw])(?P<version>(?:_\w+)?)(?P<ccd>(?:[.-][NS]\d{1,2})?)"
    r"\.fits(?:\.fz|\.gz)?"
)
_SUFFIXES = (".fits.fz", ".fits", ".fits.gz")
#: Reduced image, weight and mask.
_PRODUCTS = ("ooi", "oow", "ood")


@dataclass(frozen=True)
class FileName:
    """One file's name, taken apart.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        ``"ori"`` (raw; ``"zri"``, ``"fri"``, ``"dri"`` for bias, flat and dark), ``"ooi"`` (reduced), ``"oow"``
        (weight), ``"ood"`` (mask).
    start, version, ccd : str
        What stands before and after the kind: time of the exposure; filter and version; CCD of a cut-out.
    """

    path: Path
    kind: str
    start: str
    version: str
    ccd: str

    @classmethod
    def parse(cls, path: Path) -> FileName | None:
        """Take a name apart; None if it is not one of DECam's."""
        match = _NAME.fullmatch(path.name)
        if match is None:
            return None
        return cls(path, match["kind"], match["start"], match["version"], match["ccd"])

    @property
    def is_product(self) -> bool:
        """Whether this is a product of the community pipeline."""
        return self.kind in _PRODUCTS

    def stem(self, kind: str) -> str:
        """Return the name of the same exposure's file of another kind, without CCD and suffix."""
        return f"{self.start}{kind}{self.version}"

    def companions(self) -> tuple[Path, ...]:
        """Return image, weight and mask of a product, those that exist, however they are compressed."""
        found = []
        for kind in _PRODUCTS:
            names = (f"{self.stem(kind)}{self.ccd}{suffix}" for suffix in _SUFFIXES)
            existing = (self.path.with_name(name) for name in names)
            found += [path for path in existing if path.exists()][:1]
        return tuple(found)


def file_of(files: tuple[Path, ...], kind: str) -> Path | None:
    """Return the file of a kind among those of an exposure."""
    for path in files:
        name = FileName.parse(path)
        if name is not None and name.kind == kind:
            return path
    return None
