"""Identities of processings and of products, computed without a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from seechange_core.api.component import Component
from seechange_core.params import content_id


@dataclass(frozen=True)
class Provenance:
    """Everything that decides how a product is made, and nothing about the data it is made from.

    Parameters
    ----------
    process : str
        ``"extraction"``, ``"subtraction"`` ...
    version : str
        Of the step.
    parameters : mapping
        Critical parameters of the step, and by slot the list of its components with name, version, critical parameters
        and fingerprint: JSON values.
    upstream : mapping of str to str
        Provenance ids by role.
    """

    process: str
    version: str
    parameters: Mapping[str, Any]
    upstream: Mapping[str, str]

    @classmethod
    def of(
        cls,
        process: str,
        version: str,
        parameters: Mapping[str, Any],
        components: Mapping[str, Sequence[Component]],
        upstream: Mapping[str, Provenance],
        branches: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Sequence[Component]]]] = (),
    ) -> Provenance:
        """Describe a step that is about to run with given components.

        Parameters
        ----------
        branches : sequence of (condition, parameters, components)
            What takes their place where a condition holds, in the order in which conditions are asked.
        """
        described: dict[str, Any] = {"step": dict(parameters), "components": _described(components)}
        if branches:
            described["when"] = [
                {"name": condition, "step": dict(its_parameters), "components": _described(its_components)}
                for condition, its_parameters, its_components in branches
            ]
        return cls(
            process=process,
            version=version,
            parameters=described,
            upstream={role: provenance.id for role, provenance in upstream.items()},
        )

    @cached_property
    def id(self) -> str:
        """First 20 characters of base32(SHA-256) of the canonical JSON of all fields."""
        return content_id(
            {
                "process": self.process,
                "version": self.version,
                "parameters": self.parameters,
                "upstream": self.upstream,
            }
        )


def _described(components: Mapping[str, Sequence[Component]]) -> dict[str, Any]:
    return {
        slot: [describe_component(component) for component in members] for slot, members in components.items()
    }


def describe_component(component: Component) -> dict[str, Any]:
    """Return what identifies a component with its parameters: JSON values."""
    return {
        "name": component.name,
        "version": component.version,
        "parameters": component.params.critical(),
        "fingerprint": component.fingerprint(),
    }


def product_id(provenance_id: str, place: str, inputs: Mapping[str, str]) -> str:
    """Return the identity of a product.

    Parameters
    ----------
    provenance_id : str
        Of the process that makes it.
    place : str
        Section (``"<section id>"``) or sky cell.
    inputs : mapping of str to str
        Identities of the input products by role: of exposures, upstream products, calibration files, excerpts.
    """
    return content_id({"provenance": provenance_id, "place": place, "inputs": dict(inputs)})


def exposure_identity(instrument: str, sha256: Sequence[str]) -> str:
    """Return the identity of an exposure: its instrument and the SHA-256 of its files, in any order."""
    return content_id({"instrument": instrument, "sha256": sorted(sha256)})


def differences(first: Provenance, second: Provenance) -> list[tuple[str, Any, Any]]:
    """List where two provenances differ: (path, value in the first, value in the second), paths in order."""
    left, right = _flat(first), _flat(second)
    return [
        (path, left.get(path), right.get(path))
        for path in sorted(left.keys() | right.keys())
        if left.get(path) != right.get(path)
    ]


def _flat(provenance: Provenance) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def walk(path: str, value: Any) -> None:
        if isinstance(value, Mapping) and value:
            for key, item in value.items():
                walk(f"{path}.{key}" if key else path, item)
        elif isinstance(value, list | tuple) and value:
            for index, item in enumerate(value):
                name = item.get("name", index) if isinstance(item, Mapping) else index
                walk(f"{path}.{name}", item)
        else:
            found[path] = value

    walk("process", provenance.process)
    walk("version", provenance.version)
    walk("parameters", provenance.parameters)
    walk("upstream", provenance.upstream)
    return found
