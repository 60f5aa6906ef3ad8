"""`doctor` says what it finds and what to do, and changes nothing."""

import json
import sqlite3

import pytest

from dispatchserver.domain.condition import LARGEST_LOG, LEAST_ROOM, Condition, findings
from tests.builders import an_attempt
from tests.houses import sqlite_house


@pytest.fixture
async def path(tmp_path):
    """A database with one task whose fire has ended, and which nobody works on."""
    async with sqlite_house(tmp_path) as house:
        fire = await house.claimed()
        await house.store.settle(fire, an_attempt(fire))
    return tmp_path / "house.db"


def change(path, *statements):
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def examine(command, path, *more):
    return command("doctor", "--database-url", f"sqlite:///{path}", *more)


def found(command, path):
    done = examine(command, path, "--json")
    codes = [each["code"] for each in json.loads(done.stdout)["findings"]]
    return done.returncode, codes


def test_of_a_sound_database_it_tells_the_figures(command, path):
    done = examine(command, path)
    assert done.returncode == 0
    assert "house.db, 0." in done.stdout
    assert done.stdout.splitlines()[-1].startswith("All is well")


def test_it_speaks_chinese(command, path):
    done = command("doctor", "--database-url", f"sqlite:///{path}", DISPATCH_LANG="zh")
    assert done.stdout.splitlines()[-1].startswith("一切正常")


def test_it_changes_nothing(command, path):
    before = path.read_bytes()
    examine(command, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("DELETE FROM task_versions", "versionless_tasks"),
        ("UPDATE fires SET version = 9", "versionless_fires"),
        ("DELETE FROM fires", "orphaned_attempts"),
        ("UPDATE counts SET n = 7 WHERE what = 'tasks'", "miscounted_tasks"),
    ],
)
def test_rows_that_contradict_others_are_found(command, path, statement, code):
    change(path, statement)
    status, codes = found(command, path)
    assert status == 1
    assert code in codes


def test_an_open_fire_without_a_deadline_is_found(command, path):
    change(
        path,
        "PRAGMA ignore_check_constraints = 1",
        "UPDATE fires SET state = 'waiting', deadline_at = NULL, finished_at = NULL",
    )
    assert found(command, path) == (1, ["endless_fires"])


def test_a_newer_schema_is_told(command, path):
    change(path, "INSERT INTO schema_migrations VALUES (9999, 'later', '')")
    assert found(command, path) == (1, ["newer"])


def test_an_overwritten_page_is_damage(command, path):
    with path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xff" * 4096)
    done = examine(command, path)
    assert done.returncode == 74
    assert "put the latest backup in its place" in done.stdout + done.stderr


def test_a_file_that_is_no_database_is_damage_and_a_missing_one_is_told(command, path):
    path.write_bytes(b"not a database " * 999)
    assert examine(command, path).returncode == 74
    path.unlink()
    done = examine(command, path)
    assert done.returncode == 1
    assert "is no database of this server" in done.stderr


def test_somebody_elses_database_is_not_taken_for_ours(command, tmp_path):
    change(tmp_path / "other.db", "CREATE TABLE t (x)")
    done = examine(command, tmp_path / "other.db")
    assert done.returncode == 1
    assert "is no database of this server" in done.stderr


def a_condition(**changes):
    kept = {
        "path": None, "file": 1, "log": 0, "unused": 0, "room": LEAST_ROOM, "schema": 1, "known": 1,
        "running": "7", "seconds": 0.1, "strays": {}, "late": {},
    }  # fmt: skip
    return Condition(**{**kept, **changes})


@pytest.mark.parametrize(
    ("condition", "codes"),
    [
        (a_condition(), []),
        (a_condition(room=LEAST_ROOM - 1), ["room"]),
        (a_condition(log=LARGEST_LOG), []),
        (a_condition(log=LARGEST_LOG + 1), ["log"]),
        (a_condition(late={"overdue_tasks": 2}), ["overdue_tasks"]),
        (a_condition(late={"overdue_tasks": 2}, running=None), []),
        (a_condition(damage=["page 3"], room=0), ["damage", "room"]),
    ],
)
def test_what_is_late_is_a_fault_of_a_running_server_alone(condition, codes):
    assert [finding.code for finding in findings(condition)] == codes


async def test_beside_a_running_server_it_names_the_process(command, tmp_path):
    async with sqlite_house(tmp_path):
        done = examine(command, tmp_path / "house.db")
    assert "server        runs, process " in done.stdout
    assert done.returncode == 0
