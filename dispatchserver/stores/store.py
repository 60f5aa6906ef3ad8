"""The Store of ports.py over any driver."""

from collections.abc import Callable, Sequence, Set
from datetime import datetime

from dispatchserver.domain.changing import Change, Decide
from dispatchserver.domain.evidence import Evidence
from dispatchserver.domain.figures import Figures, Stuck
from dispatchserver.domain.fire import Attempt, Fire, Verdict
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.listing import (
    Assignment,
    Claims,
    FireFilter,
    Page,
    PageRequest,
    TaskFilter,
    TaskStatus,
)
from dispatchserver.domain.moments import to_ms
from dispatchserver.domain.placing import Places, anywhere
from dispatchserver.domain.planning import Plan
from dispatchserver.domain.recall import Recall, with_data
from dispatchserver.domain.replaying import DecideReplay
from dispatchserver.domain.reporting import DecideReport, Note
from dispatchserver.domain.retention import Keep, Place, Pruned, Stage
from dispatchserver.domain.task import Task, TaskKey
from dispatchserver.ports import Actor, NewTasks
from dispatchserver.stores import (
    claims,
    deadsql,
    figures,
    firewrites,
    keysql,
    ledger,
    newtasks,
    planwrites,
    replays,
    reportwrites,
    retention,
    rows,
    search,
    setbacksql,
    sql,
    taskwrites,
)
from dispatchserver.stores.calendarspecs import editions_of
from dispatchserver.stores.driver import Driver, Need
from dispatchserver.stores.specs import read_recall
from dispatchserver.stores.triggerspecs import moment
from dispatchserver.stores.unreadable import Unreadable


class SqlStore:
    """Tasks and fires in one database; see ports.Store and ports.Ledger for every method's promise."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._unreadable = Unreadable()

    async def change_task(
        self, key: TaskKey, decide: Decide, actor: Actor, now: datetime
    ) -> Change:
        command = taskwrites.Command(key, decide, actor, now)
        return await self._driver.submit(taskwrites.change_tasks, command)

    async def change_tasks(
        self,
        asked: Sequence[tuple[TaskKey, Decide]],
        actor: Actor,
        now: datetime,
        *,
        stop: bool,
    ) -> Sequence[Change | Exception]:
        commands = [taskwrites.Command(key, decide, actor, now) for key, decide in asked]
        batch = taskwrites.Batch(commands, stop)
        return await self._driver.submit(taskwrites.change_batches, batch)

    async def add_new(self, new: NewTasks) -> bool:
        return await self._driver.submit(newtasks.add_new, new.written)

    async def find_task(self, key: TaskKey) -> TaskStatus | None:
        found = await self._driver.page_reader.fetch(
            sql.FIND_TASK, key.namespace, key.group, key.name
        )
        editions = await editions_of(self._driver.page_reader, found)
        return rows.read_status(found[0], editions) if found else None

    async def list_tasks(self, wanted: TaskFilter, page: PageRequest) -> Page[TaskStatus]:
        return await search.list_tasks(self._driver.page_reader, wanted, page)

    async def list_groups(self, namespace: str) -> Sequence[tuple[str, int]]:
        found = await self._driver.page_reader.fetch(sql.GROUPS, namespace)
        return [(row["grp"], row["tasks"]) for row in found]

    async def find_other_limit(self, task: Task) -> tuple[TaskKey, int] | None:
        key, namespace = task.spec.policies.concurrency, task.key.namespace
        if key is None:
            return None
        found = await self._driver.page_reader.fetch(
            keysql.OTHER_LIMIT, namespace, key.name, key.limit
        )
        if not found:
            return None
        (row,) = found
        return TaskKey(namespace=namespace, group=row["grp"], name=row["name"]), row["ckey_limit"]

    async def find_fire(self, fire_id: str) -> Fire | None:
        found = await self._driver.page_reader.fetch(sql.FIND_FIRE, fire_id)
        return rows.read_fire(found[0]) if found else None

    async def list_fires(self, wanted: FireFilter, page: PageRequest) -> Page[Fire]:
        return await search.list_fires(self._driver.page_reader, wanted, page)

    async def count_fires(self, wanted: FireFilter, most: int) -> int:
        return await search.count_fires(self._driver.page_reader, wanted, most)

    async def replays_of(self, fire_ids: Sequence[str]) -> Sequence[Fire]:
        ids = dumps([[fire_id] for fire_id in fire_ids])
        found = await self._driver.page_reader.fetch(deadsql.REPLAYS_OF, ids)
        return sorted(map(rows.read_fire, found), key=lambda fire: (fire.due_at, fire.id))

    async def list_attempts(self, fire_id: str) -> Sequence[Attempt]:
        found = await self._driver.page_reader.fetch(sql.LIST_ATTEMPTS, fire_id)
        return [rows.read_attempt(row) for row in found]

    async def evidence(self, key: TaskKey, at: datetime, until: datetime) -> Evidence:
        return await ledger.gather(self._driver.page_reader, ledger.Asked(key, at, until))

    async def find_recalls(self, fires: Sequence[Fire]) -> Sequence[Recall | None]:
        versions = dumps(sorted({(fire.task_id, fire.version) for fire in fires}))
        found = await self._driver.page_reader.fetch(sql.FIND_RECALLS, versions)
        said = {(row["task_id"], row["version"]): read_recall(row["recall_json"]) for row in found}
        recalls = [(fire, said.get((fire.task_id, fire.version))) for fire in fires]
        return [recall and with_data(recall, fire.data_json) for fire, recall in recalls]

    async def due_tasks(self, horizon: datetime, limit: int) -> Sequence[Task]:
        reader = self._driver.engine_reader
        resting = self._unreadable.resting(horizon)
        found = await reader.fetch_many(sql.DUE_TASKS, to_ms(horizon), limit, resting)
        return self._unreadable.read(found, await editions_of(reader, found), horizon)

    async def newest_due(self) -> datetime | None:
        found = await self._driver.engine_reader.fetch(setbacksql.NEWEST_DUE)
        return moment(found[0]["at"]) if found else None

    async def tasks_ahead(self, moment: datetime, after: str, limit: int) -> Sequence[Task]:
        reader = self._driver.engine_reader
        found = await reader.fetch_many(setbacksql.TASKS_AHEAD, to_ms(moment), after, limit)
        return self._unreadable.read(found, await editions_of(reader, found), moment)

    async def record_plans(self, plans: Sequence[Plan], in_hand: Set[str] = frozenset()) -> int:
        return await self._driver.submit(
            planwrites.record_plans, planwrites.Planned(plans, in_hand)
        )

    async def claim(
        self,
        node: str,
        now: datetime,
        limit: int,
        deadline_at: datetime,
        places: Places = anywhere,
        offered: Sequence[Assignment] = (),
    ) -> Claims:
        asked = claims.Claim(node, now, limit, deadline_at, places, offered)
        return await self._driver.submit(claims.claim, asked)

    async def settle(
        self, fire: Fire, attempt: Attempt, *, patient: bool = False, awaited: bool = True
    ) -> bool:
        booking = firewrites.Booking(fire, attempt, awaited)
        return await self._driver.submit(firewrites.settle, booking, Need.URGENT, patient=patient)

    async def report(self, fire_id: str, decide: DecideReport, note: Note) -> Fire:
        reported = reportwrites.Reported(fire_id, decide, note)
        return await self._driver.submit(reportwrites.report, reported, Need.URGENT)

    async def list_notes(self, fire_id: str) -> Sequence[Note]:
        return await reportwrites.notes(self._driver.page_reader, fire_id)

    async def replay(self, fire_id: str, decide: DecideReplay, actor: Actor, now: datetime) -> Fire:
        asked = replays.Replayed(fire_id, decide, actor, now)
        return await self._driver.submit(replays.replay, asked)

    async def let_go(self, before: datetime) -> int:
        return await self._driver.submit(claims.let_go, before)

    async def weigh_anew(self) -> None:
        await self._driver.submit(claims.weigh_anew, None)

    async def recover(self, node: str, now: datetime, decide: Callable[[Fire], Verdict]) -> int:
        return await self._driver.submit(firewrites.recover, firewrites.Recovery(node, now, decide))

    async def expire(self, now: datetime, limit: int) -> int:
        return await self._driver.submit(firewrites.expire, firewrites.Expiry(now, limit))

    async def prune(self, stage: Stage, place: Place, keep: Keep, now: datetime) -> Pruned:
        return await retention.prune(self._driver, stage, place, keep, now)

    async def next_occasion(self) -> datetime | None:
        found = await self._moment(sql.NEXT_OCCASION, self._unreadable.resting())
        moments = (found, self._unreadable.next_try())
        return min((at for at in moments if at is not None), default=None)

    async def next_run(self) -> datetime | None:
        return await self._moment(sql.NEXT_RUN)

    async def next_ask(self) -> datetime | None:
        return await self._moment(sql.NEXT_ASK)

    async def next_deadline(self) -> datetime | None:
        return await self._moment(sql.NEXT_DEADLINE)

    async def find_stuck(self, before: datetime) -> Stuck:
        return await figures.stuck(self._driver.page_reader, before, self._unreadable.resting())

    async def figures(self, now: datetime) -> Figures:
        return await figures.figures(self._driver.page_reader, now)

    async def check(self) -> None:
        await self._driver.check()

    @property
    def checking(self) -> bool:
        """Whether the check of the database that an unclean end made necessary is not through yet."""
        return self._driver.checking

    async def _moment(self, statement: str, *args: object) -> datetime | None:
        (row,) = await self._driver.engine_reader.fetch(statement, *args)
        return moment(row["at"])
