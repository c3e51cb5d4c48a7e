"""Memory and time that a coadd of many images of one CCD takes.

    python benchmarks/coaddition.py [--rows 4096] [--columns 2048] [--images 50] [--method weighted]

Peak resident memory and CPU seconds of this process with one thread: warping to the scratch file, clipping and
combining, comparing the halves in time. Drawing the simulated images is not counted in the time. The scratch file takes
10 bytes a pixel and image.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from seechange_core.frames import Frame, PsfModel
from seechange_core.imaging.alignment.pixel_map import PixelMap
from seechange_core.imaging.coaddition.coadd import METHODS, Clipping, Member, WarpedMembers, coadd
from seechange_core.imaging.coaddition.half_comparison import compare_halves
from seechange_core.simulation.psf_field import MoffatField

SKY, STAMP, SEEING_PIXEL = 600.0, 41, (3.1, 3.8, 4.6, 5.4, 6.1)
CLIPPING = Clipping(5.0, 0.2)


class Field:
    """Stars, drawn once for each seeing, with noise that is shifted and turned over from image to image."""

    def __init__(self, shape: tuple[int, int], n_images: int) -> None:
        self.shape, self.n_images = shape, n_images
        self.random = np.random.default_rng(1)
        self.noise = self.random.standard_normal(shape, dtype=np.float32)
        n_stars = shape[0] * shape[1] // 2100
        half = STAMP // 2
        x = self.random.uniform(half + 1, shape[1] - half - 2, n_stars)
        y = self.random.uniform(half + 1, shape[0] - half - 2, n_stars)
        flux = 10 ** self.random.uniform(2.5, 5.5, n_stars)
        self.psfs, self.light = [], []
        for fwhm in SEEING_PIXEL:
            field = MoffatField((STAMP, STAMP), fwhm, (0.0, 0.0), 3.5)
            stamp = field.centred(np.array([half]), np.array([half]), STAMP).astype(np.float32)
            psf = PsfModel(stamp, fwhm=fwhm)
            light = np.zeros(shape, np.float32)
            for star, left, low, value in zip(psf.stamps(x, y, STAMP), x, y, flux, strict=True):
                column, row = int(left + 0.5) - half, int(low + 0.5) - half
                light[row : row + STAMP, column : column + STAMP] += value * star
            self.psfs.append(psf)
            self.light.append(light)
        self.drawing_s = 0.0

    def members(self) -> Iterator[Member]:
        """Draw one image after the other."""
        ny, nx = self.shape
        for number in range(self.n_images):
            start = time.process_time()
            which = number % len(SEEING_PIXEL)
            variance = self.light[which] + np.float32(SKY)
            shift = self.random.integers(0, ny), self.random.integers(0, nx)
            sign = self.random.choice([-1.0, 1.0]).astype(np.float32)
            data = self.light[which] + sign * np.roll(self.noise, shift, (0, 1)) * np.sqrt(variance)
            frame = Frame(data, variance, np.zeros(self.shape, np.uint16))
            middle = (nx - 1) / 2, (ny - 1) / 2
            # A third of a pixel off on purpose: every image has to be resampled.
            x_terms = np.array([middle[0] + 0.3, middle[0], 1e-3])
            y_terms = np.array([middle[1] - 0.3, 1e-3, middle[1]])
            pixel_map = PixelMap(x_terms, y_terms, 1, middle, middle, (0.0, nx - 1.0, 0.0, ny - 1.0))
            self.drawing_s += time.process_time() - start
            yield Member(frame, self.psfs[which], pixel_map, 1.0)


def main() -> None:
    """Print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--columns", type=int, default=2048)
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--method", choices=sorted(METHODS), default="weighted")
    options = parser.parse_args()
    warm = Field((256, 256), 6)
    with WarpedMembers(warm.members(), warm.shape) as members:
        coadd(members, method=options.method, clipping=CLIPPING)
        compare_halves(members, range(6), clipping=CLIPPING, limit_sigma=6.0)
    field = Field((options.rows, options.columns), options.images)
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.process_time()
    seconds = {}
    with WarpedMembers(field.members(), field.shape, Path.cwd()) as members:
        seconds["warping"] = time.process_time() - start - field.drawing_s
        start = time.process_time()
        made = coadd(members, method=options.method, clipping=CLIPPING)
        seconds["clipping and combining"] = time.process_time() - start
        start = time.process_time()
        found = compare_halves(members, range(options.images), clipping=CLIPPING, limit_sigma=6.0)
        seconds["comparing halves"] = time.process_time() - start
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{options.images} images of {options.rows} x {options.columns}, {options.method}")
    for name, value in seconds.items():
        print(f"{name:24s} {value:7.1f} s")
    print(f"peak memory {peak_mb:.0f} MB, of which {before_mb:.0f} MB were taken before by what is simulated")
    print(f"depth {made.depth_fraction:.4f} of the ideal, clipped {made.clipped_fraction:.1e}, ", end="")
    print(f"{len(found.changes) if found else 0} places contaminated")


if __name__ == "__main__":
    main()
