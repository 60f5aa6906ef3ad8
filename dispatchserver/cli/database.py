"""`backup` copies the database, `doctor` looks it over: right at the file, beside a running server or without one."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from dispatchserver.cli.shell import EXIT_CORRUPT, terminal_language
from dispatchserver.domain import jsontext
from dispatchserver.domain.condition import Condition, Finding, findings
from dispatchserver.messages import say
from dispatchserver.settings import Settings
from dispatchserver.settingsources import from_environment
from dispatchserver.upkeep import backup as copy
from dispatchserver.upkeep import look

EXIT_FOUND = 1
DATABASE = click.option("--database-url", default=None, help="sqlite:///PATH")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="one JSON object")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@DATABASE
def backup(file: Path, database_url: str | None) -> None:
    """Copy the database into a new FILE; the server may go on. 备份数据库。"""
    copied = copy(_settings(database_url), file)
    _tell("backup.done", file=file, size=_size(copied.size), seconds=f"{copied.seconds:.1f}")


@click.command()
@DATABASE
@AS_JSON
def doctor(database_url: str | None, as_json: bool) -> None:
    """Look the database over and say what to do; changes nothing. 检查数据库。

    Ends with 0 when all is well, 1 when there is something to look at, 74 when the file is damaged.
    """
    condition = look(_settings(database_url))
    found = findings(condition)
    if as_json:
        click.echo(jsontext.dumps(_doc(condition, found)))
    else:
        _show(condition, found)
    if any(finding.damage for finding in found):
        sys.exit(EXIT_CORRUPT)
    sys.exit(EXIT_FOUND if found else 0)


def _show(condition: Condition, found: Sequence[Finding]) -> None:
    _tell("doctor.file", path=condition.path, size=_size(condition.file))
    _tell("doctor.log", size=_size(condition.log))
    _tell("doctor.unused", size=_size(condition.unused))
    _tell("doctor.free", size=_size(condition.room))
    _tell("doctor.schema", schema=condition.schema, known=condition.known)
    running = condition.running
    _tell("doctor.idle" if running is None else "doctor.running", pid=running)
    for finding in found:
        _tell(f"doctor.found.{finding.code}", **finding.params)
    seconds = f"{condition.seconds:.1f}"
    _tell("doctor.some" if found else "doctor.well", count=len(found), seconds=seconds)


def _doc(condition: Condition, found: Sequence[Finding]) -> dict[str, object]:
    return {
        "path": str(condition.path),
        "file_bytes": condition.file,
        "wal_bytes": condition.log,
        "unused_bytes": condition.unused,
        "disk_free_bytes": condition.room,
        "schema": condition.schema,
        "schema_known": condition.known,
        "server_pid": condition.running,
        "findings": [{"code": each.code, **each.params} for each in found],
    }


def _settings(url: str | None) -> Settings:
    return from_environment({} if url is None else {"database_url": url})[0]


def _size(count: int) -> str:
    """Bytes as MiB, of which a database has some."""
    return f"{count / 2**20:.1f} MiB"


def _tell(key: str, **params: object) -> None:
    click.echo(say(terminal_language(), f"cli.{key}", **params))
