"""How far sections got in one processing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from seechange_core.models import Product, Report
from seechange_core.store.given_keys import given
from seechange_core.store.history.finding import Stop
from seechange_core.store.latest import latest

#: After this process nothing of a candidate's fate is open but its scores.
_LAST = "measuring"


@dataclass(frozen=True)
class Progress:
    """The products of one section and its last run.

    Parameters
    ----------
    products : mapping of str to Product
        The latest of each process.
    report : Report or None
        Of the last run, whatever its processing.
    """

    products: Mapping[str, Product] = field(default_factory=dict)
    report: Report | None = None

    def done(self, process: str) -> Product | None:
        """Return what a process made; None if it made nothing."""
        product = self.products.get(process)
        return product if product is not None and product.state == "done" else None

    def stop(self) -> Stop | None:
        """Return where the processing ended before candidates were measured; None if they were."""
        if self.done(_LAST) is not None:
            return None
        for process, product in self.products.items():
            if product.state == "rejected":
                return Stop(process, "rejected", product.reason)
        if self.report is not None and self.report.state in {"waiting", "failed", "running"}:
            return Stop(self.report.step, self.report.state, self.report.error)
        return Stop(list(self.products)[-1], "done") if self.products else None


def progress_of(
    session: Session, exposures: Iterable[UUID], tagged: Select[Any]
) -> dict[tuple[UUID, str], Progress]:
    """Return the progress of every section of some exposures of which anything is known.

    Parameters
    ----------
    exposures : iterable of UUID
        Primary keys.
    tagged : query
        For the ids of the provenances that are meant.
    """
    keys = list(exposures)
    products = (
        select(Product)
        .where(Product.exposure_id.in_(given(keys)), latest(tagged))
        .order_by(Product.created_at)
    )
    reports = select(Report).where(Report.exposure_id.in_(given(keys))).order_by(Report.started_at)
    made: dict[tuple[UUID, str], dict[str, Product]] = {}
    for product in session.scalars(products):
        if product.exposure_id is not None:
            made.setdefault((product.exposure_id, product.place), {})[product.process] = product
    last_runs = {
        (report.exposure_id, report.place): report
        for report in session.scalars(reports)
        if report.exposure_id is not None
    }
    return {key: Progress(made.get(key, {}), last_runs.get(key)) for key in {*made, *last_runs}}
