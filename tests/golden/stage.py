"""The steps of a script of Quartz's store, done to an engine of ours."""

from contextlib import suppress
from datetime import timedelta

from dispatchserver.domain.changing import Addition
from dispatchserver.domain.errors import TaskExists, TaskNotFound
from dispatchserver.domain.fire import FireState
from dispatchserver.domain.misfirepolicy import QuartzMisfire, find_instruction
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.planning import plan
from dispatchserver.domain.task import Policies, TaskState
from tests.builders import ALICE, a_key, a_spec
from tests.golden.vectors import instant, instant_if_any, trigger_of

UNSENT = {FireState.PENDING, FireState.RUNNING}  # where nothing is under way, that is at the door
OVER = {"NONE", "COMPLETE"}  # and ours, paused or not, when nothing is left to send


class Stage:
    """Plays the steps of a script; each answers what differs from what Quartz did, or None.

    How fires come about, and what follows a resume, is for the stages below to say.
    """

    def __init__(self, works, script):
        self.works = works
        self.names = {step["name"] for step in script["steps"] if "name" in step}
        self.told = 0
        self.grace = timedelta(milliseconds=script["threshold_ms"])

    async def play(self, step):
        return await getattr(self, step["op"])(step)

    async def now(self, step):
        self.works.clock.set(instant(step["t"]))

    async def add(self, step):
        await self._bury(step["name"])
        try:
            await self.works.tasks.add(self._addition(step), ALICE)
        except TaskExists:
            return None if step["result"] == "exists" else "exists"
        return None if step["result"] == "stored" else "was stored"

    async def replace(self, step):
        await self._bury(step["name"])
        standing = await self._find(step["name"])
        expected = standing.task.revision if standing else "none.1"
        try:
            await self.works.tasks.add(
                self._addition(step, overwrite=True, expected=expected), ALICE
            )
        except TaskNotFound:
            return None if step["result"] == "absent" else "absent"
        return None if step["result"] == "replaced" else "was replaced"

    def _addition(self, step, **more):
        policies = Policies(
            misfire=QuartzMisfire(find_instruction(step["instruction"])), misfire_grace=self.grace
        )
        spec = a_spec(trigger_of(step), priority=step["priority"], policies=policies)
        return Addition(key=a_key(step["name"]), spec=spec, at=self.works.clock.now(), **more)

    async def _bury(self, name):
        """A finished task keeps its name until it is deleted."""
        status = await self._find(name)
        if status is None or status.task.state is TaskState.ACTIVE:
            return
        if (await self._next_and_prev(status.task))[0] is None:
            await self.works.tasks.delete(a_key(name), ALICE)

    async def pause(self, step):
        await self._tell(self.works.tasks.pause, step)

    async def remove(self, step):
        await self._tell(self.works.tasks.delete, step)

    async def _tell(self, use_case, step):
        """Quartz says nothing of a trigger that is not there."""
        with suppress(TaskNotFound):
            await use_case(a_key(step["name"]), ALICE)

    async def state(self, step):
        status = await self._find(step["name"])
        task = status and status.task
        following, last = await self._next_and_prev(task) if task else (None, None)
        if following is None:
            state = "OVER"
        else:
            state = "PAUSED" if task.state is TaskState.PAUSED else "NORMAL"
        if step["state"] == "NONE":
            last = None  # Quartz forgot it
        found = (state, following, last)
        wanted = (
            "OVER" if step["state"] in OVER else step["state"],
            instant_if_any(step["next"]),
            instant_if_any(step["prev"]),
        )
        return None if found == wanted else f"{step}: {found}"

    async def _dispatch(self):
        """One pass of the dispatcher: who was called back since the last one, for when, and when it is called next."""
        await self.works.engine.dispatcher.run_once()
        await self.works.idle()
        first, self.told = self.told, len(self.works.receiver.orders)
        return [await self._sent(n) for n in range(first, self.told)]

    async def _sent(self, index):
        name = self.works.receiver.header(index, "X-Dispatch-Name")
        at = self.works.receiver.header(index, "X-Dispatch-Scheduled-Time")
        following, _ = await self._next_and_prev((await self._find(name)).task)
        return name, instant(at), following

    async def _find(self, name):
        return await self.works.house.find(name)

    async def _next_and_prev(self, task):
        """As Quartz counts: what has not been sent is next; what was sent last."""
        rows = [
            fire
            for fire in await self.works.house.fires(name=task.key.name)
            if fire.task_id == task.id and fire.version == task.version
        ]
        unsent = [fire.due_at for fire in rows if fire.state in UNSENT]
        sent = [fire.due_at for fire in rows if fire.state is FireState.SUCCEEDED]
        if task.next_fire_at is not None:
            unsent.append(task.next_fire_at)
        return min(unsent, default=None), max(sent, default=None)


class OneByOne(Stage):
    """Plans and sends the one fire that Quartz would take next."""

    async def resume(self, step):
        """The server plans a resumed task at once; here only what it missed is settled."""
        await self._tell(self.works.tasks.resume, step)
        status = await self._find(step["name"])
        if status and status.task.state is TaskState.ACTIVE:
            anew = self._settled(status.task)
            await self.works.store.record_plans([anew] if anew else [])

    async def fire(self, step):
        """One fire after the other, as Quartz would take them; a misfire takes its place in the order anew."""
        fired, settled = [], {}
        while len(fired) < step["max"] and (task := await self._most_urgent(settled)):
            anew = self._settled(task)
            if anew and task.key.name not in settled:
                settled[task.key.name] = anew
            else:
                settled.pop(task.key.name, None)
                fired += await self._fire_one(task)
        await self.works.store.record_plans(list(settled.values()))
        wanted = [
            (one["name"], instant(one["scheduled"]), instant_if_any(one["next"]))
            for one in step["fired"]
        ]
        return None if fired == wanted else f"{step}: {fired}"

    async def _most_urgent(self, settled):
        """The due task that Quartz would take first."""
        due = []
        for name in self.names:
            status = await self._find(name)
            if status is None or status.task.state is TaskState.PAUSED:
                continue
            following, _ = await self._next_and_prev(status.task)
            if name in settled:
                following = _first_of(settled[name])
            if following is not None and following <= self.works.clock.now():
                due.append((following, -status.task.spec.priority, name, status.task))
        return min(due)[-1] if due else None

    async def _fire_one(self, task):
        following, _ = await self._next_and_prev(task)
        if following == task.next_fire_at:
            await self.works.store.record_plans([self._plan(task, following)])
        return await self._dispatch()

    def _settled(self, task):
        """What becomes of the task when it missed its next occasion; None when it did not."""
        if task.next_fire_at is None:
            return None
        planned = self._plan(task, task.next_fire_at - MILLISECOND)
        return None if planned.next_fire_at == task.next_fire_at else planned

    def _plan(self, task, horizon):
        return plan(task, self.works.clock.now(), horizon)


def _first_of(planned):
    """When a task fires next by this plan."""
    dues = [fire.due_at for fire in planned.fires if fire.state is FireState.PENDING]
    return min([*dues, *filter(None, [planned.next_fire_at])], default=None)


class WholePlanner(Stage):
    """Lets the planner plan, and the dispatcher send, whatever they find."""

    async def resume(self, step):
        await self._tell(self.works.tasks.resume, step)
        await self.works.engine.planner.run_once()

    async def fire(self, step):
        await self.works.engine.planner.run_once()
        fired = []
        while sent := await self._dispatch():
            fired += [(name, at) for name, at, _ in sent]
        wanted = [(one["name"], instant(one["scheduled"])) for one in step["fired"]]
        return None if sorted(fired) == sorted(wanted) else f"{step}: {fired}"
