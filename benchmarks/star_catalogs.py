"""Time an excerpt of a local catalogue in the HATS layout: ``python benchmarks/star_catalogs.py``."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import astropy.units as u
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from cdshealpix.nested import lonlat_to_healpix

from seechange_core.api import CatalogRegion
from seechange_core.builtin.catalog_hats import HatsCatalog, HatsParams

_ORDER = 4
_OTHERS = 40


def write(folder: Path, n_stars: int) -> None:
    """Write stars in 10 x 10 degrees, with 40 columns that nobody wants, as Gaia's catalogue has."""
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(95, 105, n_stars), rng.uniform(-5, 5, n_stars)
    index = np.asarray(lonlat_to_healpix(ra * u.deg, dec * u.deg, 29)).astype(np.int64)
    rows = np.argsort(index)
    columns = {"_healpix_29": index, "source_id": np.arange(n_stars), "ra": ra, "dec": dec}
    for name in ("ra_error", "dec_error", "pmra", "pmdec", "pmra_error", "pmdec_error"):
        columns[name] = rng.uniform(0, 1, n_stars).astype(np.float32)
    for band in ("g", "bp", "rp"):
        columns[f"phot_{band}_mean_mag"] = rng.uniform(12, 21, n_stars).astype(np.float32)
        columns[f"phot_{band}_mean_flux_over_error"] = rng.uniform(10, 500, n_stars).astype(np.float32)
    columns["ref_epoch"] = np.full(n_stars, 2016.0)
    columns |= {f"other_{number}": rng.random(n_stars, np.float32) for number in range(_OTHERS)}
    cell = index >> 2 * (29 - _ORDER)
    for pixel in np.unique(cell):
        chosen = rows[cell[rows] == pixel]
        path = folder / f"dataset/Norder={_ORDER}/Dir={pixel // 10000 * 10000}/Npix={pixel}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.table({name: values[chosen] for name, values in columns.items()})
        pq.write_table(table, path, row_group_size=20_000)
    lines = [f"{_ORDER},{pixel}" for pixel in np.unique(cell)]
    (folder / "partition_info.csv").write_text("\n".join(["Norder,Npix", *lines]))
    (folder / "hats.properties").write_text("obs_collection=bench\nhats_col_ra=ra\nhats_col_dec=dec\n")


def main() -> None:
    """Print the CPU seconds of excerpts of different sizes, best of several."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stars", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, options.stars)
        catalog = HatsCatalog(HatsParams(path=name))
        for radius_deg in (0.25, 0.5, 1.0):
            seconds = []
            for _ in range(options.repeat):
                start = time.process_time()
                stars = catalog.fetch(CatalogRegion(100.1, 0.3, radius_deg, 20.5))
                seconds.append(time.process_time() - start)
            print(
                f"excerpt of {radius_deg:g} deg: {min(seconds):.3f} CPU s, {stars.n_rows} of {options.stars} stars"
            )


if __name__ == "__main__":
    main()
