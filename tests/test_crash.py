"""kill -9 in rounds under load; then a checker that knows only the public doors and the sink's own record."""

import asyncio
import random
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.processes import (
    FINAL,
    Api,
    Arrival,
    Server,
    Sink,
    each_second,
    http,
    now,
    one_shot,
    server,
    sink,
)

ROUNDS = 5
WRITERS = 4
REPEATING, REPEATS = 6, 9
SLOTS = 16
KILL_WITHIN_S = (0.1, 1.2)
HOLD_S = 0.02
SECOND = timedelta(seconds=1)


@dataclass
class Load:
    """What the writers asked for, and what they were promised: a task's first fire by its name."""

    url: str
    asked: set[str] = field(default_factory=set)
    promised: dict[str, datetime] = field(default_factory=dict)

    async def write(self, api: Api, writer: int) -> None:
        """Adds tasks until the server is gone."""
        with suppress(aiohttp.ClientError):
            while True:
                await self._add(api, f"{writer}-{len(self.asked)}")

    async def _add(self, api: Api, name: str) -> None:
        repeating = sum(name.startswith("every") for name in self.asked) < REPEATING
        name = f"every-{name}" if repeating else f"once-{name}"
        task = each_second(name, REPEATS) if repeating else one_shot(name, random.random())
        self.asked.add(name)
        reply = await api.add(task, http(self.url, {"name": name}))
        assert reply["success"], reply
        self.promised[name] = datetime.fromisoformat(reply["plannedFires"][0])


@dataclass(frozen=True)
class History:
    """Everything that can be seen from outside once all is quiet."""

    asked: set[str]
    promised: Mapping[str, datetime]
    arrivals: Sequence[Arrival]
    tasks: Sequence[Mapping[str, Any]]
    fires: Sequence[Mapping[str, Any]]
    kills: int


def faults(history: History) -> list[str]:
    """What the server broke of its promises; empty when it kept them all."""
    return [
        *_lost_adds(history),
        *_unserved(history),
        *_untrue(history),
        *_phantoms(history),
        *_early(history),
        *_duplicates(history),
    ]


def _lost_adds(history: History) -> Iterable[str]:
    there = {task["name"] for task in history.tasks}
    return (f"acknowledged and gone: {name}" for name in history.promised.keys() - there)


def _unserved(history: History) -> Iterable[str]:
    """Due fires of acknowledged tasks that neither arrived nor are recorded with a reason."""
    arrived = {(arrival.name, arrival.due) for arrival in history.arrivals}
    for name, first in history.promised.items():
        for due in _occasions(name, first):
            if (name, due) not in arrived and not _explained(history, name, due):
                yield f"lost: {name} at {due}"


def _occasions(name: str, first: datetime) -> Sequence[datetime]:
    return [first + number * SECOND for number in range(REPEATS if name.startswith("every") else 1)]


def _explained(history: History, name: str, due: datetime) -> bool:
    return any(
        fire["name"] == name and fire["reason"] and _covers(fire, due) for fire in history.fires
    )


def _covers(fire: Mapping[str, Any], due: datetime) -> bool:
    missed = fire["missed"] or {"first": fire["due_at"], "last": fire["due_at"]}
    first, last = (datetime.fromisoformat(missed[end]) for end in ("first", "last"))
    return due == datetime.fromisoformat(fire["due_at"]) or first <= due <= last


def _untrue(history: History) -> Iterable[str]:
    """The log says what did not happen, leaves out what did, or leaves a fire open."""
    arrived = {arrival.fire for arrival in history.arrivals}
    recorded = {fire["id"]: fire for fire in history.fires}
    for fire in history.fires:
        if fire["state"] not in FINAL:
            yield f"never ended: {fire['id']} is {fire['state']}"
        if fire["state"] == "succeeded" and fire["id"] not in arrived:
            yield f"succeeded without a callback: {fire['id']}"
    for unknown in arrived - recorded.keys():
        yield f"a callback that the log does not know: {unknown}"


def _phantoms(history: History) -> Iterable[str]:
    """Callbacks that nobody asked for: a foreign name, another payload, a time that is none of the task's."""
    for arrival in history.arrivals:
        first = history.promised.get(arrival.name)
        if arrival.name not in history.asked or arrival.body["data"] != {"name": arrival.name}:
            yield f"nobody asked for {arrival}"
        if first is not None and arrival.due not in _occasions(arrival.name, first):
            yield f"not an occasion of its task: {arrival}"


def _early(history: History) -> Iterable[str]:
    return (f"early: {arrival}" for arrival in history.arrivals if arrival.at < arrival.due)


def _duplicates(history: History) -> Iterable[str]:
    """One occasion has one id; another callback of it is a later attempt, and each crash allows only so many."""
    ids = defaultdict(set)
    attempts = defaultdict(list)
    for arrival in history.arrivals:
        ids[arrival.name, arrival.due].add(arrival.fire)
        attempts[arrival.fire].append(arrival.attempt)
    yield from (f"two ids for {occasion}" for occasion, known in ids.items() if len(known) > 1)
    for fire, numbers in attempts.items():
        if sorted(set(numbers)) != numbers:
            yield f"attempts of {fire} came as {numbers}"
    doubled = len(history.arrivals) - len(attempts)
    if doubled > history.kills * SLOTS:
        yield f"{doubled} callbacks twice after {history.kills} kills with {SLOTS} slots"


MOMENT = datetime(2026, 5, 1, 8, tzinfo=UTC)


def a_callback(**changes: Any) -> Arrival:
    body = {"data": {"name": "once-1"}}
    kept = Arrival(MOMENT, fire="f1", attempt=1, due=MOMENT, name="once-1", headers={}, body=body)
    return replace(kept, **changes)


def a_history(**changes: Any) -> History:
    """One task that fired once, as it should."""
    fire = {"id": "f1", "name": "once-1", "state": "succeeded", "due_at": MOMENT.isoformat()}
    kept = History(
        asked={"once-1"},
        promised={"once-1": MOMENT},
        arrivals=[a_callback()],
        tasks=[{"name": "once-1"}],
        fires=[{**fire, "reason": None, "missed": None}],
        kills=1,
    )
    return replace(kept, **changes)


@pytest.mark.parametrize(
    ("fault", "history"),
    [
        ("acknowledged and gone", a_history(tasks=[])),
        ("lost", a_history(arrivals=[], fires=[])),
        ("succeeded without a callback", a_history(arrivals=[])),
        ("a callback that the log does not know", a_history(fires=[])),
        ("never ended", a_history(fires=[{**a_history().fires[0], "state": "running"}])),
        ("nobody asked for", a_history(asked=set())),
        ("not an occasion", a_history(arrivals=[a_callback(due=MOMENT - SECOND)])),
        ("early", a_history(arrivals=[a_callback(at=MOMENT - SECOND / 1000)])),
        ("two ids", a_history(arrivals=[a_callback(), a_callback(fire="f2")])),
        ("attempts of", a_history(arrivals=[a_callback(), a_callback()])),
        ("17 callbacks twice", a_history(arrivals=[a_callback(attempt=n) for n in range(1, 19)])),
    ],
    ids=lambda value: value.replace(" ", "_") if isinstance(value, str) else "",
)
def test_the_checker_sees_what_is_wrong(fault: str, history: History) -> None:
    assert any(found.startswith(fault) for found in faults(history))


def test_the_checker_finds_nothing_in_a_right_history() -> None:
    twice = [a_callback(), a_callback(attempt=2, at=MOMENT + SECOND)]
    assert faults(a_history()) == faults(a_history(arrivals=twice)) == []


async def run_and_kill(folder: Path, load: Load) -> None:
    """One round: writers at work, and an end at a moment that nobody chose."""
    async with server(folder, "--slots", str(SLOTS)) as running, asyncio.TaskGroup() as writers:
        for number in range(WRITERS):
            writers.create_task(load.write(running.api, number))
        await asyncio.sleep(random.uniform(*KILL_WITHIN_S))
        await running.process.kill()


async def look(running: Server, load: Load, receiver: Sink) -> History:
    """Lets everything come due and settle, and reads all that the doors tell."""
    last = max(_occasions(name, first)[-1] for name, first in load.promised.items())
    await asyncio.sleep(max(0, (last - now()).total_seconds()) + 1.5)
    with suppress(TimeoutError):  # the checker tells what is still open
        await running.api.settled()
    return History(
        asked=load.asked,
        promised=load.promised,
        arrivals=list(receiver.arrivals),
        tasks=await running.api.all("/tasks"),
        fires=await running.api.all("/fires"),
        kills=ROUNDS,
    )


async def test_no_acknowledged_add_no_due_fire_and_no_truth_is_lost_by_kill_9_under_load(
    tmp_path: Path,
) -> None:
    async with sink(HOLD_S) as receiver:
        load = Load(receiver.url)
        for _ in range(ROUNDS):
            await run_and_kill(tmp_path, load)
        async with server(tmp_path, "--slots", str(SLOTS)) as running:
            history = await look(running, load, receiver)
            assert await running.process.stop() == 0
    assert len(history.promised) > ROUNDS * WRITERS
    assert faults(history) == []
    with sqlite3.connect(tmp_path / "dispatch.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
