"""Which parameters enter an identity."""

from __future__ import annotations

import subprocess
import sys

import pytest

from seechange_core.api import Params, parameter
from seechange_core.pipeline import process_schemas
from seechange_core.registry import Registry


class Fit(Params):
    """A block within a block."""

    degree: int = parameter(2, description="Degree")
    n_threads: int = parameter(1, description="Threads", critical=False)


class Nested(Params):
    """Blocks in every kind of container."""

    fit: Fit = parameter(Fit(), description="One")
    fits: tuple[Fit, ...] = parameter((Fit(),), description="Several")
    by_name: dict[str, Fit] = parameter({"first": Fit()}, description="By name")
    path: str = parameter("here", description="Place", critical=False)


def test_what_is_not_critical_is_left_out_of_nested_blocks_too() -> None:
    assert Nested().critical() == {
        "fit": {"degree": 2},
        "fits": [{"degree": 2}],
        "by_name": {"first": {"degree": 2}},
    }
    changed = Nested(fit=Fit(n_threads=8), fits=(Fit(n_threads=4),), by_name={"first": Fit(n_threads=2)})
    assert changed.critical() == Nested().critical()
    assert Nested(fit=Fit(degree=3)).critical() != Nested().critical()


def test_sets_have_one_order_in_every_process() -> None:
    program = (
        "from seechange_core.api import Params, parameter\n"
        "class Planes(Params):\n"
        "    names: frozenset[str] = parameter(frozenset('abcdefgh'), description='Names')\n"
        "print(Planes().critical())"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert told == {"{'names': ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']}\n"}


def _all_params() -> list[type[Params]]:
    registry = Registry()
    components = registry.all_components()
    return [schema.params for schema in process_schemas()] + [component.Params for component in components]


@pytest.mark.parametrize("params", _all_params(), ids=lambda params: params.__name__)
def test_descriptions_are_phrases_for_people(params: type[Params]) -> None:
    for name, info in params.model_fields.items():
        assert info.description, name
        assert info.description[0].isupper(), name
        assert not info.description.endswith("."), name
