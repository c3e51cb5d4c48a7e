"""What can be wrong with data, as flags on a row and on everything made from it."""

from __future__ import annotations

from enum import IntFlag

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column


class Badness(IntFlag):
    """Reasons not to trust a row; the numbers are stored and never change."""

    BAD_SEEING = 1
    CLOUDS = 2
    TRAILED = 4
    BRIGHT_SKY = 8
    BAD_CALIBRATION = 16
    BAD_ASTROMETRY = 32
    BAD_PHOTOMETRY = 64
    BAD_SUBTRACTION = 128
    ELECTRONICS = 256
    OTHER = 512
    CONTAMINATED = 1024


class BadnessMixin:
    """Flags of `Badness`: those set on the row itself and those inherited from what it was made from."""

    badness: Mapped[int] = mapped_column(BigInteger, default=0)
    upstream_badness: Mapped[int] = mapped_column(BigInteger, default=0)
