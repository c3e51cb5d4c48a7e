"""What a run would do: the plan, and what of it exists already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seechange_core.params import content_id
from seechange_core.pipeline import Plan, PlannedStep
from seechange_core.provenance import exposure_identity
from seechange_core.runner.services import Services
from seechange_core.store.files import file_sha256


@dataclass(frozen=True)
class PlannedProduct:
    """One step of one section, as far as it is known before it runs.

    Parameters
    ----------
    process, provenance : str
        Of the step.
    components : list of str
        Names and versions.
    product : str
        Product id; empty where it depends on inputs that are not there yet.
    state : str
        ``done``, ``rejected``, ``to do``.
    """

    process: str
    provenance: str
    components: list[str]
    product: str
    state: str


def planned_products(services: Services, plan: Plan, exposure: str, section: str) -> list[PlannedProduct]:
    """Follow the chain of one section as far as products are bound.

    Parameters
    ----------
    exposure : str
        Its identity.
    """
    ids: dict[str, str] = {}
    products = []
    for planned in plan:
        inputs = _inputs(planned, ids, exposure)
        found = None
        if inputs is not None:
            anchor = content_id({"provenance": planned.provenance.id, "place": section, "inputs": inputs})
            found = services.store.products.find_by_anchor(anchor)
        if found and found.state == "done":
            ids |= dict.fromkeys(planned.step.outputs, found.product_id)
        products.append(
            PlannedProduct(
                process=planned.process,
                provenance=planned.provenance.id,
                components=[
                    f"{component.name} {component.version}"
                    for members in planned.components.values()
                    for component in members
                ],
                product=found.product_id if found else "",
                state=found.state if found else "to do",
            )
        )
    return products


def describe_plan(
    services: Services, plan: Plan, files: Sequence[Path], sections: Sequence[str]
) -> dict[str, Any]:
    """Return the plan of one exposure and what exists of it: JSON values, by section."""
    header = services.instrument.read_header(files)
    identity = exposure_identity(services.instrument.name, [file_sha256(path) for path in files])
    return {
        "exposure": files[0].name,
        "sections": {
            section: [asdict(product) for product in planned_products(services, plan, identity, section)]
            for section in (sections or header.sections)
        },
    }


def _inputs(planned: PlannedStep, ids: dict[str, str], exposure: str) -> dict[str, str] | None:
    if not planned.upstream:
        return {"exposure": exposure}
    if any(role not in ids for role in planned.upstream):
        return None
    return {role: ids[role] for role in planned.upstream}
