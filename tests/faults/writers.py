"""Applications that do at random what applications do, and write down what they asked and were answered."""

import asyncio
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any

import aiohttp

from tests.faults.checker import Closure, Operation, moment
from tests.faults.receiver import clock
from tests.processes import Api, http

CALLS = {"pause": "pause", "resume": "resumeTask", "delete": "delete", "trigger": "trigger"}
WISHES = {"add": 30, "replace": 12, "pause": 14, "resume": 22, "delete": 6, "trigger": 16}
OVERLAPS = {"allow": 14, "queue_all": 3, "queue_one": 2, "skip": 2, "cancel_previous": 2}
KEYS = {"": 0, "narrow": 1, "wide": 3}
KEYED = {"": 12, "narrow": 1, "wide": 2}
ROUTED = 0.2  # of the tasks: they have several addresses
ROUTES = ("failover", "round_robin", "random", "least_busy")
OUT_OF_ORDER = "out of order"
NOBODY = "127.0.0.1:1"  # listens there
CALENDAR = "days"
UNDER_IT = 0.2  # of the tasks that do not rest
FAR = date(2090, 1, 1)
RESTING = 0.15  # of the tasks: they fire a while after their last fire has ended
BUSY = ("queue", "queue", "skip", "fail")
RETRIES = {"delays": ["150ms", "150ms", "150ms", "150ms"]}


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often is asked for what, and how soon and how often a task fires then."""

    wishes: Mapping[str, int] = field(default_factory=lambda: WISHES)
    pause_s: tuple[float, float] = (0.01, 0.06)
    begins_ms: tuple[float, float] = (100, 900)
    every_ms: tuple[int, ...] = (300, 1_000)
    most: int = 3


USUAL = Pace()
HASTY = Pace(
    wishes=WISHES | {"replace": 120, "add": 10},
    pause_s=(0.001, 0.01),
    begins_ms=(5, 40),
    every_ms=(20,),
    most=30,
)
"""So dense that what is asked often falls into the very millisecond of a fire."""


@dataclass
class Door:
    """The way in, while there is one."""

    api: Api | None = None
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    def open(self, api: Api) -> None:
        self.api = api
        self.opened.set()

    def shut(self) -> None:
        self.api = None
        self.opened.clear()


@dataclass
class Writer:
    """Works on tasks of its own, one operation after another, whatever becomes of the server meanwhile."""

    name: str
    door: Door
    hosts: Mapping[str, str]
    chance: random.Random
    pace: Pace = USUAL
    operations: list[Operation] = field(default_factory=list)
    mine: list[str] = field(default_factory=list)
    asked: int = 0
    done: bool = False

    async def work(self) -> None:
        """Until it is told that it is done; what it has begun it ends."""
        while not self.done:
            await self.door.opened.wait()
            await self._act(_choose(self.chance, self.pace.wishes))
            await asyncio.sleep(self.chance.uniform(*self.pace.pause_s))

    async def _act(self, kind: str) -> None:
        self.asked += 1
        if kind == "add" or not self.mine:
            task = f"{self.name}-{self.asked}"
            self.mine.append(task)
            await self._put("add", task)
            return
        task = self.chance.choice(self.mine[-6:])
        if kind == "replace":
            await self._put(kind, task)
            return
        await self._do(kind, task)
        last = self.operations[-1]
        if (last.kind, last.task, last.ok) == ("delete", task, True):
            self.mine.remove(task)

    async def resume_all(self) -> None:
        """Ends every pause of its tasks."""
        paused = {asked.task for asked in self.operations if asked.kind == "pause"}
        for task in paused.intersection(self.mine):
            await self._do("resume", task)

    async def _do(self, kind: str, task: str) -> None:
        asked = Operation(kind, task, 0, 0, None)
        await self._send(asked, CALLS[kind], jobName=task, groupName="tests")

    async def _put(self, kind: str, task: str) -> None:
        """Adds a task, or replaces it: a few fires, which begin soon."""
        chance, pace, retried = self.chance, self.pace, self.chance.random() < 0.7
        key = _choose(chance, KEYED)
        every, times = chance.choice(pace.every_ms), chance.randint(1, pace.most)
        asked = Operation(
            kind,
            task,
            0,
            0,
            None,
            data={"task": task, "operation": self.asked},
            start=round(clock() + chance.uniform(*pace.begins_ms)),
            every=every,
            times=times,
            rests=chance.random() < RESTING,
            retries=(150.0,) * 4 if retried else (),
            priority=chance.randint(0, 3),
            overlap=_choose(chance, OVERLAPS),
            key=key,
            holders=KEYS[key],
            places=self._places(),
        )
        await self._send(
            asked,
            "add",
            recallConfig=json.dumps(self._recall(asked)),
            taskConfig=json.dumps(_config(asked, self._policies(asked))),
            replace=json.dumps(kind == "replace"),
        )

    def _places(self) -> tuple[str, ...]:
        """One place, or several, of which one may be out of order."""
        chance, sound = self.chance, [*self.hosts]
        if chance.random() >= ROUTED:
            return (chance.choice(sound),)
        places = chance.sample(sound, 2) + [OUT_OF_ORDER] * chance.randint(0, 1)
        return tuple(chance.sample(places, len(places)))

    def _recall(self, asked: Operation) -> dict[str, Any]:
        hosts = {**self.hosts, OUT_OF_ORDER: NOBODY}
        first, *more = [f"http://{hosts[place]}/" for place in asked.places]
        recall = http(first, asked.data)
        if more:
            route = self.chance.choice(ROUTES)
            recall["option"] = {"urls": [first, *more], "route": route}
        return recall

    def _policies(self, asked: Operation) -> dict[str, Any]:
        """What the operation says, and what it need not say, since nobody is to notice."""
        policies: dict[str, Any] = {
            "timeout": "1s",
            "retry": RETRIES if asked.retries else {"max": 0},
            "overlap": asked.overlap,
        }
        if asked.key:
            busy = self.chance.choice(BUSY)
            policies["concurrencyKey"] = {"key": asked.key, "limit": asked.holders, "onBusy": busy}
        if not asked.rests and self.chance.random() < UNDER_IT:
            policies["calendar"] = CALENDAR
        return policies

    async def _send(self, asked: Operation, call: str, **form: str) -> None:
        """Asks, and writes down what came of it; nothing where no connection was made."""
        api, sent, reply = self.door.api, clock(), None
        if api is None:
            return
        try:
            reply = await api.do(call, **form)
        except aiohttp.ClientConnectorError:
            return
        except aiohttp.ClientError:
            await asyncio.sleep(0.01)  # whoever took the server down shuts the door as well
        self.operations.append(_told(asked, sent, reply))


@dataclass
class Keeper:
    """Shuts a receiver for callbacks now and then, as for maintenance, and opens it again."""

    door: Door
    place: str
    host: str
    settings: Mapping[str, Any]
    chance: random.Random
    closures: list[Closure] = field(default_factory=list)
    done: bool = False

    async def work(self) -> None:
        """Until it is told that it is done; it leaves the receiver open."""
        while not self.done:
            await asyncio.sleep(self.chance.uniform(0.2, 1.2))
            await self.set(paused=True)
            shut = clock()
            await asyncio.sleep(self.chance.uniform(0.05, 0.5))
            self.closures.append(Closure(self.place, shut, clock()))
            await self.set(paused=False)

    async def set(self, **more: Any) -> None:
        """How the receiver may be called from now on."""
        await tell(self.door, f"/destinations/{self.host}", {**self.settings, **more})


@dataclass
class Editor:
    """Changes the calendar of many tasks time and again, though no day of it that matters."""

    door: Door
    chance: random.Random
    edits: int = 0
    done: bool = False

    async def work(self) -> None:
        """Until it is told that it is done."""
        while not self.done:
            await asyncio.sleep(self.chance.uniform(0.05, 0.4))
            await self.edit()

    async def edit(self) -> None:
        """Another day off, in many years."""
        self.edits += 1
        day = (FAR + timedelta(days=self.edits)).isoformat()
        away = {"first": day, "last": day, "title": ""}
        await tell(self.door, f"/calendars/{CALENDAR}", {"excluded": [away]})


async def tell(door: Door, path: str, document: Mapping[str, Any]) -> None:
    """Says it until the server has answered."""
    while True:
        await door.opened.wait()
        api = door.api
        try:
            if api is not None:
                await api.put(path, document)
                return
        except aiohttp.ClientResponseError as refused:
            if refused.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
        except aiohttp.ClientError:
            await asyncio.sleep(0.01)


def _choose(chance: random.Random, weights: Mapping[str, int]) -> str:
    return chance.choices([*weights], [*weights.values()])[0]


def _config(asked: Operation, policies: Mapping[str, Any]) -> dict[str, Any]:
    timing: dict[str, Any] = {
        "triggerType": "SimpleTrigger",
        "timeConfig": {
            "interval": asked.every,
            "intervalType": "MILLISECOND",
            "isForever": False,
            "repeatCount": asked.times,
        },
    }
    if asked.rests:
        timing = {
            "triggerType": "FixedDelayTrigger",
            "timeConfig": {"delay": f"{asked.every}ms"},
            "endDate": round(asked.until),
        }
    return {
        **timing,
        "groupCode": "tests",
        "jobCode": asked.task,
        "startDate": asked.start,
        "priority": asked.priority,
        "policies": policies,
    }


def _told(asked: Operation, sent: float, reply: dict[str, Any] | None) -> Operation:
    """The operation with its answer."""
    told = {**vars(asked), "sent": sent, "answered": clock()}
    if reply is not None:
        told |= {"ok": reply["success"], "fire": reply.get("tasklogid")}
        if reply.get("plannedFires"):
            told["first"] = round(moment(reply["plannedFires"][0]))
    return Operation(**told)
