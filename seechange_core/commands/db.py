"""`seechange db upgrade|current|check`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from seechange_core.commands.settings import location_options, open_located
from seechange_core.errors import StoreError


@click.group()
def db() -> None:
    """Create, upgrade and check the database."""


@db.command()
@location_options
def upgrade(profile_file: Path | None, assignments: tuple[str, ...]) -> None:
    """Make the tables, or bring them to what this version of SeeChange needs."""
    database = open_located(profile_file, assignments, must_exist=False).database
    before = database.revision()
    database.upgrade()
    after = database.revision()
    click.echo(
        f"{database.name}: {_shown(before)} -> {after}" if before != after else f"{database.name}: {after}"
    )


@db.command()
@location_options
def current(profile_file: Path | None, assignments: tuple[str, ...]) -> None:
    """Print the revision of the tables."""
    database = open_located(profile_file, assignments).database
    click.echo(f"{database.name}: {_shown(database.revision())}")


@db.command()
@location_options
@click.option(
    "--checksums", is_flag=True, help="Read every file and compare its checksum, not only its size."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def check(
    context: click.Context,
    profile_file: Path | None,
    assignments: tuple[str, ...],
    checksums: bool,
    as_json: bool,
) -> None:
    """Compare tables with this version of SeeChange, and rows with files; the exit status is 1 if they differ."""
    from seechange_core.store.checking import check_files

    store = open_located(profile_file, assignments)
    revision = store.database.revision()
    if revision is None:
        raise StoreError(f"database {store.database.name} has no tables: run `seechange db upgrade`")
    tables = [str(difference) for difference in store.database.differences()]
    files = [asdict(problem) for problem in check_files(store.database, store.files, checksums=checksums)]
    if as_json:
        click.echo(json.dumps({"revision": revision, "tables": tables, "files": files}, indent=2))
    else:
        for difference in tables:
            click.echo(f"table: {difference}")
        for problem in files:
            click.echo(
                f"{problem['problem']}: {problem['path']}"
                + (f" ({problem['table']})" if problem["table"] else "")
            )
        if not tables and not files:
            click.echo(f"{store.database.name}: tables and files are as they should be")
    context.exit(1 if tables or files else 0)


def _shown(revision: str | None) -> str:
    return revision or "no tables"
