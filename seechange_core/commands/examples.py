"""An example of each command, for the end of its help; images, objects and places are those of the demonstration."""

from __future__ import annotations

from collections.abc import Mapping

import click

#: By command; those whose description has examples of its own are not here.
EXAMPLES: Mapping[str, str] = {
    "demo": "seechange demo --output demo-out --jobs 2",
    "process": "seechange process --instrument decam c4d_210322_032123_ori.fits.fz --sections N1,N2",
    "reference build": "seechange reference build --filter r --ra 150.14662 --dec 2.20688 --before 61000",
    "reference list": "seechange reference list --filter r --ra 150.14662 --dec 2.20688",
    "reference retire": "seechange reference retire hac7d7tena5p2pxbszjt",
    "reference sets": "seechange reference sets --profile demo-out/profile.yaml",
    "reference show": "seechange reference show hac7d7tena5p2pxbszjt",
    "calibration list": "seechange calibration list --kind flat",
    "calibration retire": "seechange calibration retire 4bovildnhbu3delicjjd",
    "fakes run": "seechange fakes run demo-out/raw/simcam_20260304_028.fits --profile demo-out/profile.yaml",
    "fakes show": "seechange fakes show --filter r --plot completeness.pdf",
    "score show": "seechange score show rbscore",
    "show": "seechange show detections --cone 150.14662 2.20688 60 --limit 20",
    "object show": "seechange object show SC2026a",
    "object classify": "seechange object classify SC2026a --as 'SN Ia' --flag transient",
    "object merge": "seechange object merge SC2026a SC2026b",
    "object split": "seechange object split SC2026a 77cf291e 86626dcf",
    "lightcurve": "seechange lightcurve SC2026a --forced --format ecsv --output SC2026a.ecsv --plot SC2026a.pdf",
    "plot image": "seechange plot image df0d9b6d --output image.png",
    "plot astrometry": "seechange plot astrometry df0d9b6d --output residuals.pdf",
    "plot difference": "seechange plot difference df0d9b6d --output difference.png",
    "plot stamps": "seechange plot stamps df0d9b6d --limit 30 --output stamps.png",
    "report": "seechange report 2026-03-07 --output report.html",
    "profile new": "seechange profile new my-survey --instrument decam",
    "profile show": "seechange profile show --instrument decam --explain",
    "profile list": "seechange profile list",
    "profile check": "seechange profile check --profile demo-out/profile.yaml",
    "profile schema": "seechange profile schema > profile-schema.json",
    "provenance show": "seechange provenance show zvudbvmv",
    "provenance diff": "seechange provenance diff zvudbvmv 35uudmzz",
    "provenance tags": "seechange provenance tags --profile demo-out/profile.yaml",
    "plugins": "seechange plugins --json",
    "db upgrade": "seechange db upgrade --set database.url=postgresql://me@dbhost/survey",
    "db check": "seechange db check --checksums",
    "db current": "seechange db current --profile demo-out/profile.yaml",
    "delete": "seechange delete df0d9b6d --dry-run",
}


def add_examples(command: click.Command, path: str) -> None:
    """Write the example of a command, or those of the commands of a group, below its options."""
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            add_examples(inner, f"{path} {name}")
    elif path in EXAMPLES:
        command.epilog = f"\b\nExample:\n  {EXAMPLES[path]}"
