"""Run exposures through the chain and look at what came out.

python process_an_exposure.py PROFILE EXPOSURE...

PROFILE is the name of an installed camera, or a profile file that also says where the data are kept.
"""

from __future__ import annotations

import sys
from pathlib import Path

from seechange_core import Pipeline
from seechange_core.plots.images import plot_difference

if len(sys.argv) < 3:
    sys.exit(__doc__)
profile, *exposures = sys.argv[1:]
missing = [name for name in exposures if not Path(name).exists()]
if missing:
    sys.exit(f"there is no file {', '.join(missing)}")
pipeline = Pipeline(profile, detection={"threshold": 6})
print(pipeline)

for section in pipeline.run(*exposures):
    print(section)
    if section.report.state != "done":
        continue
    print(section.data.get_image(), section.data.get_psf().data)
    measurements = section.data.get_measurement_table()
    print(
        f"{measurements.n_rows} candidates, {(measurements['flux'] > 0).sum()} of them brighter than before"
    )
    axes = plot_difference(section.data.get_subtraction().product, measurements)
    axes.get_figure().savefig(f"{section.report.section}.png")
