"""A PostgreSQL server of one's own, for tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

import psycopg2

_USER = "postgres"
#: Nothing that a test writes has to survive a power failure.
_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


def server_programs() -> Path | None:
    """Find the folder of PostgreSQL's server programs: on the PATH, else the newest where Debian puts them."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = [program.parent for program in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda folder: float(folder.parent.name), default=None)


class PostgresServer:
    """A running server that keeps all it has in a temporary folder, and listens on a socket there only.

    Parameters
    ----------
    programs : Path
        Folder of initdb and pg_ctl.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="seechange-postgres-"))
        if os.geteuid() == 0:
            shutil.chown(self._folder, _USER)
        self._run("initdb", "--username", _USER, "--auth", "trust", "--encoding", "UTF8", "--no-sync")
        options = f"-k {self._folder} -c listen_addresses=''" + "".join(f" -c {one}" for one in _SETTINGS)
        self._run("pg_ctl", "--log", str(self._folder / "log"), "--options", options, "--wait", "start")

    def create(self, name: str, template: str = "template0") -> str:
        """Make a database as a copy of another one and return its address."""
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return f"postgresql://{_USER}@/{name}?host={self._folder}"

    def drop(self, name: str) -> None:
        """Delete a database, whoever is connected to it."""
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        """Stop the server and delete all it had."""
        self._run("pg_ctl", "--mode", "immediate", "stop")
        shutil.rmtree(self._folder)

    def _execute(self, statement: str) -> None:
        with closing(psycopg2.connect(host=str(self._folder), user=_USER, dbname="postgres")) as connection:
            connection.autocommit = True
            connection.cursor().execute(statement)

    def _run(self, program: str, *arguments: str) -> None:
        # The server refuses to run as root.
        prefix = ["runuser", "-u", _USER, "--"] if os.geteuid() == 0 else []
        command = [*prefix, str(self._programs / program), "--pgdata", str(self._folder / "data"), *arguments]
        # The server goes on holding what it was given as output: a pipe would never end.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(command, stdout=output, stderr=output, cwd=self._folder, check=False)
            output.seek(0)
            told = output.read().decode(errors="replace")
        if done.returncode:
            raise RuntimeError(f"{program} failed: {told}")
