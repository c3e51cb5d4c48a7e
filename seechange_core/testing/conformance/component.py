"""What every component has to keep to, whatever its kind."""

from __future__ import annotations

import inspect
import pickle
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, ClassVar, TypeVar, Union, get_args, get_origin

import numpy as np
import pytest

from seechange_core.api import Rejected
from seechange_core.params import canonical_json
from seechange_core.registry import contract_problem
from seechange_core.testing.conformance import parameter_schema
from seechange_core.testing.conformance.digest import digest
from seechange_core.testing.conformance.light_import import heavy_imports

UPDATE_SCHEMAS = "--seechange-update-schemas"
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class _SecondRun:
    """Digests of input and global random state, before and after, and of what was made."""

    before: tuple[str, str]
    after: tuple[str, str]
    made: str


class ComponentConformance(ABC):
    """Contract of all components; the classes of the kinds add what is asked of their results.

    Attributes
    ----------
    component : type
        What is tested.
    parameters : mapping
        Parameters to make it with, where the defaults do not do.
    schemas : Path or None
        Folder of the stored schemas of parameters; by default ``schemas`` beside the file of the tests.
    """

    component: ClassVar[type[Any]]
    parameters: ClassVar[Mapping[str, Any]] = {}
    schemas: ClassVar[Path | None] = Path("schemas")
    #: Page of the documentation that says what is asked, and how to meet it.
    manual: ClassVar[str] = "docs/plugins.md"
    _made: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._made = {}

    @abstractmethod
    def ordinary_input(self) -> Any:
        """Return what the component is run on where any sensible input does."""

    @abstractmethod
    def run(self, component: Any, given: Any) -> Any:
        """Run a component on an input and return all that it makes."""

    def make(self, **changes: Any) -> Any:
        """Return a component with `parameters`, some of them changed."""
        try:
            params = self.component.Params(**{**self.parameters, **changes})
        except ValueError as error:
            if self.parameters or changes:
                raise
            pytest.skip(f"its parameters have no defaults; set them in the plugin's own tests: {error}")
        return self.component(params)

    def once(self, name: str, make: Callable[[], _Made]) -> _Made:
        """Return what `make` returns, which is called once for all tests of the class."""
        if name not in self._made:
            self._made[name] = make()
        made: _Made = self._made[name]
        return made

    def ordinary_output(self) -> Any:
        """Return what the component makes of the ordinary input."""
        return self.once("ordinary output", lambda: self.run(self.make(), self.ordinary_input()))

    def require(self, holds: Any, wrong: str, measured: object, asked: object) -> None:
        """Fail unless something holds, saying what is wrong, what was measured and what is asked."""
        if bool(holds):
            return
        message = (
            f"{self.component.kind} {self.component.name!r}: {wrong}\n"
            f"  measured: {measured}\n"
            f"  asked:    {asked}\n"
            f"  read:     {self.manual}"
        )
        pytest.fail(message, pytrace=False)

    def rejection_of(self, given: Any) -> Rejected | None:
        """Return the rejection of an input that is beyond use; None if it was not rejected."""
        try:
            self.run(self.make(), given)
        except Rejected as rejected:
            return rejected
        except Exception as error:  # what else is raised is the finding
            self.require(False, "it fails where it should reject", repr(error), "seechange_core.api.Rejected")
        return None

    def require_clear(self, rejected: Rejected | None, of: str) -> None:
        """Fail unless an input was rejected, and the rejection says what was measured, in words and as metrics."""
        self.require(
            rejected, f"{of}: not rejected", "a result", "seechange_core.api.Rejected, with the reason"
        )
        if rejected is not None:
            told = any(letter.isdigit() for letter in rejected.reason) and len(rejected.reason.split()) >= 4
            self.require(
                told,
                f"{of}: the rejection does not say why",
                rejected.reason,
                "a sentence with what was measured",
            )
            self.require_json(dict(rejected.metrics), "metrics of a rejection")

    def require_json(self, value: Any, what: str) -> None:
        """Fail unless a value can be stored as JSON."""
        try:
            canonical_json(value)
        except (TypeError, ValueError) as error:
            self.require(
                False, f"{what} cannot be stored", error, "JSON values: finite numbers, texts, lists"
            )

    def test_registry_accepts_it(self) -> None:
        """Name, version, interface number, methods."""
        problem = contract_problem(self.component, self.component.kind)
        self.require(
            not problem, "the registry refuses it", problem, "what docs/plugins.md says of a component"
        )

    def test_it_says_what_it_is(self) -> None:
        """The class has a docstring of its own."""
        text = inspect.cleandoc(vars(self.component).get("__doc__") or "")
        self.require(len(text) > 15, "the class has no docstring", repr(text), "one sentence on what it does")

    def test_parameters_are_described(self) -> None:
        """Each is declared with `parameter`: a description, and a unit or none."""
        for name, info in self.component.Params.model_fields.items():
            extra = info.json_schema_extra
            declared = isinstance(extra, dict) and "unit" in extra
            self.require(
                declared and len(info.description or "") >= 10,
                f"the parameter {name} is not described",
                f"description {info.description!r}, {'a' if declared else 'no'} declared unit",
                'parameter(..., description="...", unit="...")',
            )

    def test_numbers_have_bounds(self) -> None:
        """A profile with a senseless number has to fail when it is read, not in the night."""
        for name, info in self.component.Params.model_fields.items():
            if _is_number(info.annotation):
                bounds = [
                    one for one in info.metadata if any(hasattr(one, key) for key in ("ge", "gt", "le", "lt"))
                ]
                self.require(
                    bounds,
                    f"the number {name} has no bounds",
                    info.metadata,
                    "ge, gt, le or lt in parameter(...)",
                )

    def test_parameters_survive_the_database(self) -> None:
        """They are stored as JSON and compared by it."""
        params = self.make().params
        self.require_json(params.critical(), "a parameter")
        again = type(params).model_validate(params.model_dump(mode="json"))
        self.require(again == params, "parameters change on their way through JSON", again, params)

    def test_changed_parameters_have_a_new_version(self, request: pytest.FixtureRequest) -> None:
        """The stored schema is that of this version; pytest --seechange-update-schemas writes it."""
        if self.schemas is None:
            pytest.skip("schemas are stored beside the plugin's own tests")
        path = parameter_schema.stored_path(request.path.parent / self.schemas, self.component)
        if request.config.getoption(UPDATE_SCHEMAS, default=False):
            parameter_schema.store(path, self.component)
        self.require(
            not parameter_schema.difference(path, self.component),
            "the parameters are not those that are stored for this version",
            parameter_schema.difference(path, self.component),
            f"raise the version if parameters changed, then pytest {UPDATE_SCHEMAS}",
        )

    def test_import_is_light(self) -> None:
        """Every command imports every plugin."""
        loaded = heavy_imports(self.component.__module__)
        self.require(
            not loaded,
            f"importing {self.component.__module__} loads heavy libraries",
            ", ".join(loaded),
            "none: put numerics in a module beside it, and import that when the component runs",
        )

    def test_pickled_copy_is_the_same(self) -> None:
        """Components go to worker processes."""
        original = self.make()
        try:
            copy = pickle.loads(pickle.dumps(original))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            self.require(
                False, "it cannot be pickled", error, "no open files, locks or lambdas in attributes"
            )
        self.require(
            copy.params == original.params and copy.fingerprint() == original.fingerprint(),
            "a pickled copy differs",
            (copy.params, copy.fingerprint()),
            (original.params, original.fingerprint()),
        )

    def _second_run(self) -> _SecondRun:
        """Run it again, with other global random numbers than the first time."""
        given = self.ordinary_input()
        self.ordinary_output()
        state = np.random.get_state()
        np.random.seed(4711)
        try:
            before = digest(given), digest(np.random.get_state())
            made = digest(self.run(self.make(), given))
            return _SecondRun(before, (digest(given), digest(np.random.get_state())), made)
        finally:
            np.random.set_state(state)

    @property
    def second_run(self) -> _SecondRun:
        """What another run on the same input made of input, output and global random numbers."""
        return self.once("second run", self._second_run)

    def test_same_input_gives_the_same_bits(self) -> None:
        """Results are found again by what went in; global random numbers differ between the two runs."""
        self.require(
            digest(self.ordinary_output()) == self.second_run.made,
            "two runs on one input differ",
            "other bits",
            "no randomness, or a generator of a fixed seed",
        )

    def test_global_random_state_is_left_alone(self) -> None:
        """What others draw must not depend on who ran before."""
        self.require(
            self.second_run.before[1] == self.second_run.after[1],
            "it uses numpy's global random numbers",
            "another state after it ran",
            "numpy.random.default_rng(seed) of its own",
        )

    def test_input_is_not_changed(self) -> None:
        """Frames and tables are shared."""
        self.require(
            self.second_run.before[0] == self.second_run.after[0],
            "it changed what it was given",
            "other values after it ran",
            "work on copies",
        )


def _is_number(annotation: Any) -> bool:
    """Tell whether a parameter is a number, or a number or nothing."""
    types = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return bool({*types} & {int, float}) and {*types} <= {int, float, NoneType}
