"""What a run would do: the plan, and what of it exists already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seechange_core.pipeline import Plan, PlannedStep
from seechange_core.provenance import exposure_identity, product_id
from seechange_core.runner.exposure_files import wanted_sections
from seechange_core.runner.measured_sensor import MeasuredSensor
from seechange_core.runner.services import Services
from seechange_core.steps.step import Step
from seechange_core.store.files import file_sha256


@dataclass(frozen=True)
class PlannedProduct:
    """One step of one section, as far as it is known before it runs.

    Parameters
    ----------
    exposure, section : str
        File name of the exposure; section.
    step : str
        The process.
    state : str
        ``done``, ``rejected`` or ``to do``.
    product : str
        Product id; empty where it depends on inputs that are chosen later.
    provenance : str
        Provenance id.
    components : str
        Names and versions.
    """

    exposure: str
    section: str
    step: str
    state: str
    product: str
    provenance: str
    components: str


def planned_products(
    services: Services, plan: Plan, files: Sequence[Path], sections: Sequence[str] = ()
) -> list[PlannedProduct]:
    """Follow the chain of each section of an exposure as far as products are bound; nothing is written.

    Parameters
    ----------
    files : sequence of Path
        All files of the exposure.
    sections : sequence of str
        Only these; by default all that are not defective.

    Raises
    ------
    InputError
        If the exposure cannot be processed.
    """
    instrument = services.instrument
    header = instrument.read_header(files)
    identity = exposure_identity(instrument.name, [file_sha256(path) for path in files])
    products = []
    defective = services.store.sensor_sections.defective(instrument.name, header.mjd)
    for section in wanted_sections(instrument, header, sections, defective):
        sensor = MeasuredSensor.at(services.store, instrument.name, section, header.mjd)
        origin = {"exposure": identity, **sensor.origin}
        products += _followed(services, plan, files[0].name, section, origin)
    return products


def _followed(
    services: Services, plan: Plan, exposure: str, section: str, origin: Mapping[str, str]
) -> list[PlannedProduct]:
    ids: dict[str, str] = {}
    products = []
    for planned in plan:
        product, state = _state(services, planned, section, ids if planned.upstream else origin)
        if product and state != "rejected":
            ids |= dict.fromkeys(planned.step.outputs, product)
        components = [one for members in planned.components.values() for one in members]
        products.append(
            PlannedProduct(
                exposure=exposure,
                section=section,
                step=planned.process,
                state=state,
                product=product,
                provenance=planned.provenance.id,
                components=", ".join(f"{component.name} {component.version}" for component in components),
            )
        )
    return products


def _state(services: Services, planned: PlannedStep, section: str, ids: Mapping[str, str]) -> tuple[str, str]:
    """Return the product id of a step, as far as it is known, and whether it was made."""
    roles = planned.upstream or ids
    if any(role not in ids for role in roles):
        return "", "to do"
    inputs = {role: ids[role] for role in roles}
    anchor = product_id(planned.provenance.id, section, inputs)
    found = services.store.products.find_by_anchor(anchor)
    if found:
        return found.product_id, found.state
    asks_for_nothing = type(planned.step).requests is Step.requests
    bound = {} if asks_for_nothing else services.store.products.binding(anchor)
    return (
        product_id(planned.provenance.id, section, {**inputs, **bound}) if bound is not None else ""
    ), "to do"
