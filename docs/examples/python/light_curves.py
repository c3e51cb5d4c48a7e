"""Draw the light curves of the objects that changed most.

python light_curves.py [NUMBER]

SEECHANGE_CONFIG names the profile that says where the data are.
"""

from __future__ import annotations

import os
import sys

from sqlalchemy import func, select

from seechange_core import Store
from seechange_core.models import Measurements, Object
from seechange_core.plots.light_curves import plot_light_curve
from seechange_core.registry import Registry
from seechange_core.runner.light_curve import light_curve

number = int(sys.argv[1]) if len(sys.argv) > 1 else 3
if "SEECHANGE_CONFIG" not in os.environ:
    sys.exit("name the profile of your data: export SEECHANGE_CONFIG=demo-out/profile.yaml")
store, registry = Store.of_profile(), Registry()

with store.database.read() as session:
    strongest = func.max(Measurements.snr)
    changed = session.scalars(
        select(Object)
        .join(Measurements, Measurements.object_id == Object.id)
        .where(Measurements.badness == 0, Measurements.upstream_badness == 0)
        .group_by(Object.id)
        .order_by(strongest.desc())
        .limit(number)
    ).all()

if not changed:
    sys.exit(f"there are no objects in {store.database.name}; 'seechange process' makes them")
for target in changed:
    curve = light_curve(store, registry, target)
    print(target.name, curve)
    axes = plot_light_curve(
        curve["mjd"],
        curve["flux"],
        curve["flux_error"],
        curve["filter"],
        unit=curve.unit("flux"),
        title=target.name,
    )
    axes.get_figure().savefig(f"{target.name}.png")
