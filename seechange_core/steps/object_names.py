"""Names of objects: a year and a number that counts from 1 in each year."""

from __future__ import annotations

_LETTERS = 26


class Counter(int):
    """A number that can also be written in letters: ``f"{Counter(28):letters}"`` is ``ab``."""

    def __format__(self, spec: str) -> str:
        """Return a, b ... z, aa, ab ... for ``letters``, and else what an integer makes of the specification."""
        return _in_letters(self) if spec == "letters" else super().__format__(spec)


def object_name(name_format: str, year: int, number: int) -> str:
    """Return the name of the object of a number in a year.

    Parameters
    ----------
    name_format : str
        A format string with ``{year}`` and ``{counter}``, the latter as an integer or ``{counter:letters}``.

    Raises
    ------
    ValueError
        If it cannot be formatted.
    """
    try:
        return name_format.format(year=year, counter=Counter(number))
    except (KeyError, IndexError, AttributeError) as error:
        raise ValueError(
            f"{name_format!r} holds something other than {{year}} and {{counter}}: {error}"
        ) from error


def _in_letters(number: int) -> str:
    letters = ""
    while number > 0:
        number, last = divmod(number - 1, _LETTERS)
        letters = chr(ord("a") + last) + letters
    return letters
