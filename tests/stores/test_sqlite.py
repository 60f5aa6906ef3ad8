"""What is SQLite's own: durability, the lock, migrations, a full disk, and the indexes that queries use."""

import asyncio
import os
import re
import sqlite3
import stat
import threading
from dataclasses import replace

import pytest

from dispatchserver.domain.errors import StoreInUse, StoreUnavailable
from dispatchserver.domain.fire import FireState, Reason
from dispatchserver.domain.listing import FireFilter, PageRequest, TaskFilter
from dispatchserver.domain.moments import to_ms
from dispatchserver.stores import (
    claimsql,
    deadsql,
    keysql,
    retentionsql,
    search,
    setbacksql,
    sql,
    turnsql,
)
from dispatchserver.stores import migrate as migrations
from dispatchserver.stores.migrate import Migration, known, migrate
from dispatchserver.stores.sqlite import PRAGMAS, SqliteDriver, open_writer
from tests.builders import NOON, RECALL, an_attempt, at, every, once
from tests.clocks import until
from tests.houses import sqlite_house


@pytest.fixture
async def house(tmp_path):
    async with sqlite_house(tmp_path) as opened:
        yield opened


@pytest.fixture
def path(tmp_path):
    return tmp_path / "house.db"


async def value_of(connection, pragma):
    (row,) = await connection.fetch(f"PRAGMA {pragma}")
    return row[0]


# Opening


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("busy_timeout", 5000)]
)
async def test_every_connection_keeps_what_it_acknowledged_through_a_power_cut(
    house, pragma, value
):
    for connection in (house.driver.writer, *house.driver._readers):
        assert await value_of(connection, pragma) == value


async def test_readers_cannot_write(house):
    for reader in house.driver._readers:
        assert await value_of(reader, "query_only") == 1


async def test_a_pragma_that_does_not_hold_is_refused_and_nothing_stays_open(path, monkeypatch):
    monkeypatch.setitem(PRAGMAS, "synchronous", "7")
    before = threading.active_count()
    with pytest.raises(StoreUnavailable, match="PRAGMA synchronous"):
        await SqliteDriver.open(path, exclusive=True)
    await until(lambda: threading.active_count() <= before)
    monkeypatch.undo()
    async with sqlite_house(path.parent):
        pass


async def test_a_file_that_is_no_database_is_refused_and_nothing_stays_open(path):
    path.write_bytes(b"not a database " * 999)
    before = threading.active_count()
    with pytest.raises(StoreUnavailable, match="not a database"):
        await SqliteDriver.open(path, exclusive=True)
    await until(lambda: threading.active_count() <= before)


async def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable):
        await SqliteDriver.open(tmp_path / "file" / "house.db", exclusive=True)


async def test_a_second_server_is_refused_with_the_pid_of_the_first(house, path):
    with pytest.raises(StoreInUse) as refused:
        await SqliteDriver.open(path, exclusive=True)
    assert refused.value.params["pid"] == str(os.getpid())


async def test_a_command_beside_a_running_server_can_work(house, path):
    beside = await SqliteDriver.open(path, exclusive=False)
    await house.add()
    assert len(await beside.page_reader.fetch("SELECT * FROM tasks")) == 1
    await beside.close()


async def test_a_closed_database_can_be_opened_again_with_all_that_was_in_it(tmp_path):
    async with sqlite_house(tmp_path) as first:
        await first.add()
    assert {entry.name for entry in tmp_path.iterdir()} == {"house.db", "house.db.lock"}
    async with sqlite_house(tmp_path) as second:
        assert await second.tasks() == ["task"]


async def test_nobody_else_on_the_machine_can_read_the_database(house, path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_writes_queued_at_closing_are_committed_and_later_ones_refused(tmp_path):
    async with sqlite_house(tmp_path) as closing:
        adds = [asyncio.ensure_future(closing.add(str(n))) for n in range(9)]
        await asyncio.sleep(0)
    assert all(task.version == 1 for task in await asyncio.gather(*adds))
    with pytest.raises(StoreUnavailable):
        await closing.add("late")


async def test_a_connection_that_breaks_answers_every_caller(house, monkeypatch):
    async def broken(work):
        raise ValueError("no active connection")

    monkeypatch.setattr(house.driver.writer, "run", broken)
    answers = await asyncio.gather(*(house.add(n) for n in "ab"), return_exceptions=True)
    answers += await asyncio.gather(house.add("c"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ValueError] * 3
    monkeypatch.undo()
    assert (await house.add("d")).version == 1


# Migrations


async def ledger(connection):
    found = await connection.fetch("SELECT number, name FROM schema_migrations ORDER BY number")
    return [(row["number"], row["name"]) for row in found]


@pytest.fixture
async def connection(path):
    opened = await open_writer(path)
    yield opened
    await opened.close()


@pytest.fixture
def history(monkeypatch):
    """Pretends that these are all migrations there are."""

    def pretend(*steps):
        monkeypatch.setattr(migrations, "known", lambda database: iter(steps))

    return pretend


async def test_migrations_are_applied_once(connection):
    names = [migration.name for migration in known("sqlite")]
    assert await migrate(connection) == names
    assert await migrate(connection) == []
    assert [name for _, name in await ledger(connection)] == names


async def test_a_later_migration_is_applied_to_an_older_database(connection, history):
    first, second = Migration(1, "a", "CREATE TABLE a (x);"), Migration(2, "b", "DROP TABLE a;")
    history(first)
    assert await migrate(connection) == ["a"]
    history(first, second)
    assert await migrate(connection) == ["b"]


async def test_a_migration_changed_after_it_was_applied_is_refused(connection, history):
    history(Migration(1, "a", "CREATE TABLE a (x);"))
    await migrate(connection)
    history(Migration(1, "a", "CREATE TABLE a (x, y);"))
    with pytest.raises(StoreUnavailable, match="migration 1 was changed"):
        await migrate(connection)


async def test_a_database_of_a_newer_version_is_refused(connection, history):
    first = Migration(1, "a", "CREATE TABLE a (x);")
    history(first, Migration(2, "b", "CREATE TABLE b (x);"))
    await migrate(connection)
    history(first)
    with pytest.raises(StoreUnavailable, match="migration 2 of a newer version"):
        await migrate(connection)


async def test_a_migration_that_fails_leaves_nothing_and_can_be_tried_again(connection, history):
    history(Migration(1, "a", "CREATE TABLE a (x); CREATE TABLE a (x);"))
    with pytest.raises(StoreUnavailable):
        await migrate(connection)
    assert await ledger(connection) == []
    history(Migration(1, "a", "CREATE TABLE a (x);"))
    assert await migrate(connection) == ["a"]


PUT_FIRE = """
INSERT INTO fires (id, namespace, task_id, grp, name, version, kind, priority, due_at, run_at, state, deadline_at, finished_at)
VALUES ($1, 'default', 't', 'g', 'n', 1, 'scheduled', 0, $2, $2, $3, 9, $4)
"""


async def test_a_fire_has_finished_just_when_it_is_not_open_also_in_an_older_database(
    connection, history
):
    *older, newest = (migration for migration in known("sqlite") if migration.number <= 19)
    history(*older)
    await migrate(connection)
    await connection.execute(PUT_FIRE, "ended", 5, "succeeded", None)
    await connection.execute(PUT_FIRE, "open", 6, "running", 7)
    history(*older, newest)
    assert await migrate(connection) == [newest.name]
    fires = await connection.fetch("SELECT id, finished_at FROM fires ORDER BY id")
    assert [tuple(row) for row in fires] == [("ended", 5), ("open", None)]
    assert [tuple(row) for row in await connection.fetch("PRAGMA integrity_check")] == [("ok",)]
    for said in ("finished_at = 7", "state = 'odd'", "deadline_at = NULL", "state = 'failed'"):
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            await connection.execute(f"UPDATE fires SET {said} WHERE id = 'open'")
    await connection.execute("UPDATE fires SET state = 'failed', finished_at = 8 WHERE id = 'open'")
    ends = await connection.fetch("SELECT state, n FROM counts WHERE what = 'fires' ORDER BY state")
    assert [tuple(row) for row in ends] == [("failed", 1), ("succeeded", 1)]


PUT_VERSION = """
INSERT INTO task_versions (task_id, version, trigger_json, recall_json, policies_json, priority, note, labels_json,
    created_at, created_by)
VALUES ($1, 1, '{}', '{}', '{}', 0, '', '{}', 1, 'alice')
"""


async def test_in_an_older_database_versions_of_tasks_that_are_gone_stay_with_their_fires(
    connection, history
):
    *older, newest = (migration for migration in known("sqlite") if migration.number <= 20)
    history(*older)
    await migrate(connection)
    await connection.execute(PUT_FIRE, "fired", 5, "succeeded", 6)
    for task in ("t", "never fired"):
        await connection.execute(PUT_VERSION, task)
    history(*older, newest)
    await migrate(connection)
    kept = '[["t", 1], ["never fired", 1]]'
    assert len(await connection.fetch(retentionsql.FORGET_VERSIONS, kept)) == 1
    (left,) = await connection.fetch("SELECT task_id, namespace, grp, name FROM task_versions")
    assert tuple(left) == ("t", "default", "g", "n")


# A full disk


async def fill(house):
    """Lets the database file grow no further."""
    pages = await value_of(house.driver.writer, "page_count")
    await house.driver.writer.execute(f"PRAGMA max_page_count = {pages}")


async def free(house):
    await house.driver.writer.execute("PRAGMA max_page_count = 1073741823")


async def adds_until_full(house):
    added = 0
    while added < 999:
        try:
            await house.add(str(added), note="x" * 2000)
        except StoreUnavailable as error:
            assert "full" in str(error)
            return added
        added += 1
    raise AssertionError("the disk never got full")


async def test_a_full_disk_is_told_nothing_is_half_written_and_it_works_again(house):
    await fill(house)
    added = await adds_until_full(house)
    tables = ("tasks", "task_versions", "audit")
    assert [await house.count(table) for table in tables] == [added] * 3
    await free(house)
    await house.add("after")
    assert await house.count("tasks") == added + 1


async def test_on_a_full_disk_every_write_of_a_batch_is_refused(house):
    await fill(house)
    adds = (house.add(str(n), note="x" * 2000) for n in range(50))
    answers = await asyncio.gather(*adds, return_exceptions=True)
    assert {type(answer) for answer in answers} == {StoreUnavailable}
    assert await house.count("tasks") == 0


async def test_on_a_full_disk_claims_and_plans_are_all_or_nothing(house):
    for n in range(200):
        await house.add(str(n), every(1, start=NOON))
    await fill(house)
    with pytest.raises(StoreUnavailable):
        await house.plan(ahead=60)
    assert await house.fires() == []
    assert (await house.find("0")).task.next_fire_at == NOON
    await free(house)
    assert await house.plan(ahead=0) == 200


async def test_reads_go_on_while_the_disk_is_full(house):
    await house.add()
    await fill(house)
    await adds_until_full(house)
    assert (await house.find()).task.version == 1
    assert await house.store.next_occasion() == NOON


# Many rows at once


@pytest.mark.parametrize("who", ["reader", "writer"])
async def test_many_rows_told_as_one_are_the_rows_themselves_in_their_order(house, who):
    odd = ['"quoted" \\ back', "行\n\t\u2028", "", "null", '{"a":[1,null]}', "😀"]
    for n, note in enumerate(odd):
        await house.add(f"名 {n}", once(at(9 - n)), note=note, priority=2**31 - 1)
    asked = sql.DUE_TASKS, to_ms(at(60)), 100, "[]"
    connection = house.driver.engine_reader if who == "reader" else house.driver.writer
    for _ in range(2):  # what a statement's columns are is asked only once
        told = await connection.fetch_many(*asked)
        assert [row[0:100] for row in told] == [list(row) for row in await connection.fetch(*asked)]
    assert [row["note"] for row in told] == odd[::-1]
    assert await connection.fetch_many(sql.DUE_TASKS, 0, 100, "[]") == []
    await house.add("long", once(at(0)), recall=replace(RECALL, data="x" * 10_000))
    told = await connection.fetch_many(*asked)
    assert [row["note"] for row in told] == ["", *odd[::-1]]
    assert [len(row["recall_json"]) > 10_000 for row in told] == [True] + [False] * len(odd)


# Indexes


async def explained(house, statement, *args, step="detail"):
    """SQLite's plan of a statement, one line a step; a batch is planned for two rows."""
    columns = re.findall(r"column\d+ AS", statement)
    row = f"({', '.join(['NULL'] * len(columns))})"
    statement = sql.ROWS.sub(f"VALUES {row}, {row}", statement)
    text = (
        statement if statement.lstrip().startswith("EXPLAIN") else f"EXPLAIN QUERY PLAN {statement}"
    )
    return [row[step] for row in await house.driver.writer.fetch(text, *args)]


@pytest.mark.parametrize(
    ("statement", "args", "index"),
    [
        (claimsql.CANDIDATES, (9, 1), "f USING INDEX fires_ready"),
        (claimsql.CANDIDATES_BEHIND, (9, 1, "a:80"), "f USING INDEX fires_behind (behind=?)"),
        (claimsql.WEIGH_ANEW, (9,), "fires_behind"),
        (sql.DUE_TASKS, (1, 2, "[]"), "tasks_due"),
        (sql.NEXT_OCCASION, ("[]",), "tasks_due"),
        (sql.NEXT_RUN, (), "fires_run"),
        (keysql.OTHER_LIMIT, ("default", "db", 2), "tasks_key (namespace=? AND ckey=? AND ckey_l"),
        (deadsql.REPLAYS_OF, ('[["a"]]',), "fires_replays"),
        (sql.NEXT_DEADLINE, (), "fires_deadline"),
        (sql.EXPIRED_FIRES, (1, 2), "fires_deadline"),
        (sql.LOST_FIRES, ("n",), "fires_running"),
        (sql.TAKE_BACK, (), "fires_pending (task_id=?)"),
        (
            sql.TAKE_BACK_CLAIMED,
            (),
            "fires_log_of_task (namespace=? AND grp=? AND name=? AND due_at>?)",
        ),
        (sql.NAME_VERSIONS, (), "task_versions_1 (task_id=?)"),
        (setbacksql.PLAN_AGAIN, (), "fires_occasion (due_at=? AND task_id=?)"),
        (turnsql.ASK_ANEW, ("[]",), "fires_pending (task_id=?)"),
        (sql.HOLD, (), "fires_pending"),
        (sql.RELEASE, (), "fires_pending"),
        (sql.CANCEL, (), "fires_pending"),
    ],
)
async def test_hot_statements_use_their_index_and_never_sort(house, statement, args, index):
    await crowd(house)
    steps = await explained(house, statement, *args)
    assert any(index in step for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps
    assert not any(step in ("SCAN fires", "SCAN tasks", "SCAN t") for step in steps), steps


@pytest.mark.parametrize(
    "statement", [claimsql.SET_ASIDE, sql.MOVE_FIRES, sql.MOVE_TASKS, sql.COUNT_ENDED]
)
async def test_batched_updates_find_their_rows_by_key(house, statement):
    await crowd(house)
    steps = await explained(house, statement)
    assert any("SEARCH" in step and "sqlite_autoindex" in step for step in steps), steps


@pytest.mark.parametrize(
    "statement", [sql.PUT_FIRES, claimsql.CLAIM, sql.MOVE_FIRES, sql.MOVE_TASKS]
)
async def test_no_list_is_made_anew_for_each_row_that_is_written(house, statement):
    steps = await explained(house, f"EXPLAIN {statement.partition('RETURNING')[0]}", step="opcode")
    # one for the rows that are written, one for what an UPDATE found of them
    assert steps.count("OpenEphemeral") <= 2, steps


DEAD_OF_TASK = FireFilter(
    namespace="default",
    state=FireState.FAILED,
    group="g",
    name="n",
    reason=Reason.TIMEOUT,
    replayed=False,
    address="x",
    since=NOON,
)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (FireFilter(namespace="default"), "fires_log"),
        (FireFilter(namespace="default", since=NOON, until=at(9)), "fires_log"),
        (FireFilter(namespace="default", group="g", name="n"), "fires_log_of_task"),
        (FireFilter(namespace="default", state=FireState.FAILED), "fires_dead"),
        (FireFilter(namespace="default", state=FireState.FAILED, group="g"), "fires_dead_of_group"),
        (DEAD_OF_TASK, "fires_dead_of_group"),
        (FireFilter(namespace="default", group="g"), "fires_log_of_group"),
        (FireFilter(namespace="default", group="g", since=NOON, until=at(9)), "fires_log_of_group"),
        (FireFilter(namespace="default", state=FireState.SUCCEEDED), "fires_log"),
        (FireFilter(namespace="default", state=FireState.SKIPPED, group="g"), "fires_skipped"),
        (FireFilter(namespace="default", state=FireState.CANCELLED), "fires_cancelled"),
        (FireFilter(namespace="default", state=FireState.WAITING), "fires_awaited"),
    ],
)
@pytest.mark.parametrize("cursor", [None, "WzEsIngiXQ"])
async def test_log_pages_walk_an_index_in_order(house, wanted, index, cursor):
    await crowd(house)
    steps = await steps_of(house, search.list_fires, wanted, cursor)
    assert any(f"INDEX {index} " in step for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps


@pytest.mark.parametrize("cursor", [None, "WyJhIiwiYiJd"])
@pytest.mark.parametrize("group", [None, "g"])
async def test_task_pages_walk_the_key_in_order(house, cursor, group):
    await crowd(house)
    wanted = TaskFilter(namespace="default", group=group)
    steps = await steps_of(house, search.list_tasks, wanted, cursor)
    assert not any("TEMP B-TREE" in step for step in steps), steps


async def steps_of(house, list_page, wanted, cursor):
    """The plan of the SELECT that a page makes."""
    steps = []

    class Explainer:
        async def fetch(self, text, *args):
            steps.extend(await explained(house, text, *args))
            return []

    await list_page(Explainer(), wanted, PageRequest(cursor=cursor))
    return steps


async def crowd(house):
    """Some tasks with fires in several states."""
    await asyncio.gather(*(house.add(f"t{n}", every(1), priority=n % 3) for n in range(20)))
    await house.plan(ahead=5)
    for fire in (await house.claim(at(3), limit=40))[:30]:
        await house.store.settle(fire, an_attempt(fire))


async def test_a_claim_passes_over_what_is_not_due_yet_without_sorting(house):
    await house.add("later", once(at(9)), priority=9)
    await house.add("now", once())
    await house.plan(ahead=9)
    assert [fire.key.name for fire in await house.claim()] == ["now"]
