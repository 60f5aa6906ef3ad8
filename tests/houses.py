"""An open store with short words for what tests do to it; every word goes through ports.Store."""

import pickle
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

from dispatchserver.domain import changing
from dispatchserver.domain.listing import FireFilter, PageRequest, TaskFilter
from dispatchserver.domain.planning import plan
from dispatchserver.ports import NewTasks
from dispatchserver.stores import newtasks
from dispatchserver.stores.accounts import SqlAccounts
from dispatchserver.stores.calendars import SqlCalendars
from dispatchserver.stores.destinations import SqlDestinations
from dispatchserver.stores.groups import SqlGroups
from dispatchserver.stores.migrate import migrate
from dispatchserver.stores.secrets import SqlSecrets
from dispatchserver.stores.signingkeys import SqlSigningKeys
from dispatchserver.stores.sqlite import SqliteDriver
from dispatchserver.stores.store import SqlStore
from tests.builders import ALICE, NOON, a_key, a_spec

NODE = "node-a"


class House:
    """A store under test. Its audit and its commits are read behind its back, since no port shows them.

    Who works in it is told by `leaving` before it closes.
    """

    spell = staticmethod(newtasks.spell)

    def __init__(self, driver):
        self.driver = driver
        self.store = SqlStore(driver)
        self.accounts = SqlAccounts(driver)
        self.calendars = SqlCalendars(driver)
        self.groups = SqlGroups(driver)
        self.signing_keys = SqlSigningKeys(driver)
        self.destinations = SqlDestinations(driver)
        self.secrets = SqlSecrets(driver)
        self.leaving = []

    async def add(self, name="task", trigger=None, *, now=NOON, overwrite=False, **spec):
        key = a_key(name, spec.pop("group", "group"), spec.pop("namespace", "default"))
        spec = a_spec(trigger, **spec)
        addition = changing.Addition(key=key, spec=spec, at=now, overwrite=overwrite)
        decide = changing.add(addition, new_id=uuid4().hex)
        return (await self.store.change_task(key, decide, ALICE, now)).after

    async def add_new(self, *tasks):
        """Tasks that were decided, and made ready, before; whether they were added."""
        due = [task.next_fire_at for task in tasks if task.next_fire_at]
        new = NewTasks(
            count=len(tasks),
            calls=frozenset(),
            soonest=min(due, default=None),
            written=pickle.loads(pickle.dumps(self.spell(tasks, ALICE))),
        )
        return await self.store.add_new(new)

    async def pause(self, name="task", now=NOON):
        return await self._change(name, changing.pause(a_key(name), now), now)

    async def resume(self, name="task", now=NOON):
        return await self._change(name, changing.resume(a_key(name), now), now)

    async def delete(self, name="task", now=NOON):
        return await self._change(name, changing.delete(a_key(name), now), now)

    async def trigger_now(self, name="task", now=NOON, new_id="m" * 32):
        decide = changing.trigger_now(a_key(name), new_id=new_id, now=now)
        return (await self._change(name, decide, now)).fires[0]

    async def _change(self, name, decide, now):
        return await self.store.change_task(a_key(name), decide, ALICE, now)

    async def plan(self, now=NOON, ahead=1.0):
        """One planner pass by hand; answers how many plans were written."""
        horizon = now + timedelta(seconds=ahead)
        tasks = await self.store.due_tasks(horizon, 1000)
        return await self.store.record_plans([plan(task, now, horizon) for task in tasks])

    async def claim(self, now=NOON, limit=10, node=NODE):
        """A claim by somebody who has nothing in hand, once all others have let go."""
        await self.store.let_go(now + timedelta(days=1))
        deadline = now + timedelta(hours=1)
        claims = await self.store.claim(node, now, limit, deadline)
        return [assignment.fire for assignment in claims.assignments]

    async def claimed(self, name="task", *, now=NOON, **spec):
        """A fire of a new one-shot task, claimed."""
        await self.add(name, now=now, **spec)
        await self.plan(now, ahead=0)
        (fire,) = await self.claim(now)
        return fire

    async def find(self, name="task"):
        return await self.store.find_task(a_key(name))

    async def fires(self, limit=500, **wanted):
        """Fires as rows, the earliest due first."""
        wanted = FireFilter(**{"namespace": "default", **wanted})
        page = await self.store.list_fires(wanted, PageRequest(limit=limit))
        return list(reversed(page.items))

    async def told(self, **wanted):
        """Of each fire its due second, state, and reason."""
        return [
            (
                (fire.due_at - NOON).total_seconds(),
                str(fire.state),
                fire.reason and str(fire.reason),
            )
            for fire in await self.fires(**wanted)
        ]

    async def tasks(self, **wanted):
        page = await self.store.list_tasks(
            TaskFilter(**{"namespace": "default", **wanted}), PageRequest(limit=500)
        )
        return [status.task.key.name for status in page.items]

    async def audit(self):
        """What was noted, the oldest first: action, detail."""
        found = await self.driver.page_reader.fetch("SELECT action, detail FROM audit ORDER BY id")
        return [(row["action"], row["detail"]) for row in found]

    async def count(self, table):
        (row,) = await self.driver.page_reader.fetch(f"SELECT count(*) AS n FROM {table}")
        return row["n"]


@asynccontextmanager
async def sqlite_house(folder, watch=None):
    driver = await SqliteDriver.open(folder / "house.db", exclusive=True, watch=watch)
    house = House(driver)
    try:
        await migrate(driver.writer)
        yield house
    finally:
        for leave in house.leaving:
            await leave()
        await driver.close()


HOUSES = {"sqlite": sqlite_house}


@asynccontextmanager
async def sqlite_statements(house):
    """All statements that reach the write connection meanwhile, as the database itself saw them."""
    seen = []
    await house.driver.writer.trace(seen.append)
    yield seen
    await house.driver.writer.trace(None)


TRACES = {"sqlite": sqlite_statements}
