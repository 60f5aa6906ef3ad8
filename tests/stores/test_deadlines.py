"""Nothing stays open without a deadline: whatever was done, each open fire has one, and the sweeper alone ends them all."""

import random
from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest

from dispatchserver.domain.concurrency import BusyRule, ConcurrencyKey, Overlap, OverlapRule
from dispatchserver.domain.errors import DispatchError
from dispatchserver.domain.figures import Ailment
from dispatchserver.domain.fire import Decision, FireState
from dispatchserver.domain.judging import LOST_LIMIT, after_loss
from dispatchserver.domain.reporting import (
    Note,
    ProgressReport,
    Report,
    accept_progress,
    accept_report,
)
from dispatchserver.domain.retrypolicy import Delays, Failure, Retry
from dispatchserver.domain.task import LONGEST_REPORT, Policies
from tests.builders import NOON, an_attempt, every
from tests.shapes import after_runs

MINUTE = timedelta(minutes=1)
STEPS = 50
RULES = {
    "plain": Policies(),
    "retried": Policies(retry=Retry(pauses=Delays(spans=(MINUTE,) * 3), on=frozenset(Failure))),
    "queued": Policies(overlap=Overlap(rule=OverlapRule.QUEUE_ALL)),
    "replaced": Policies(overlap=Overlap(rule=OverlapRule.CANCEL_PREVIOUS)),
    "keyed": Policies(concurrency=ConcurrencyKey(name="k", limit=1, busy=BusyRule.QUEUE)),
}


class Life:
    """Does to a store, at random, all that can be done to it."""

    def __init__(self, house, seed):
        self.house, self.chance, self.now, self.flying = house, random.Random(seed), NOON, []

    async def begin(self):
        for name, policies in RULES.items():
            await self.house.add(name, every(90), policies=policies)
            await self.house.add(f"{name}, delayed", after_runs(90), policies=policies)
        await self.plan()
        await self.claim()
        await self.end(self.flying.pop(), Decision.WAIT)

    async def step(self):
        self.now += timedelta(seconds=self.chance.uniform(0, 60))
        often = [self.plan, self.claim, self.settle] * 2
        seldom = [self.report, self.progress, self.switch, self.trigger, self.replace]
        done = self.chance.choice([*often, *seldom, self.crash, self.sweep])
        await done()

    def task(self):
        return self.chance.choice(list(RULES)) + self.chance.choice(["", ", delayed"])

    async def plan(self):
        await self.house.plan(self.now)

    async def claim(self):
        self.flying += await self.house.claim(self.now, limit=3)

    async def settle(self):
        if not self.flying:
            return
        fire = self.flying.pop(self.chance.randrange(len(self.flying)))
        await self.end(fire, self.chance.choice(list(Decision)))

    async def end(self, fire, decision):
        at = self.now + MINUTE if decision in (Decision.RETRY, Decision.WAIT) else None
        await self.house.store.settle(fire, an_attempt(fire, decision, now=self.now, at=at))

    async def report(self):
        said = Report(fire_id="", success=self.chance.random() < 0.5, result=None)
        await self.say(partial(accept_report, report=said, now=self.now))

    async def progress(self):
        told = ProgressReport(fire_id="", percent=self.chance.randrange(101))
        await self.say(
            lambda fire, standing: accept_progress(fire, told, timedelta(hours=1), self.now)
        )

    async def say(self, decide):
        if fires := await self.house.fires():
            note = Note(at=self.now, who="receiver", door="test")
            with suppress(DispatchError):
                await self.house.store.report(self.chance.choice(fires).id, decide, note)

    async def switch(self):
        change = self.chance.choice([self.house.pause, self.house.resume])
        await change(self.task(), self.now)

    async def trigger(self):
        await self.house.trigger_now(self.task(), self.now, new_id=self.chance.randbytes(16).hex())

    async def replace(self):
        name = self.task()
        trigger = after_runs(90) if "delayed" in name else every(90)
        policies = RULES[name.partition(",")[0]]
        await self.house.add(name, trigger, now=self.now, overwrite=True, policies=policies)

    async def crash(self):
        """The node dies with what it was sending; another one takes over."""
        self.flying.clear()
        await self.house.store.recover("another", self.now, partial(after_loss, now=self.now))

    async def sweep(self):
        await self.house.store.expire(self.now, 100)


async def open_fires(house):
    return [fire for fire in await house.fires() if fire.state.open]


@pytest.mark.parametrize("seed", range(5))
async def test_each_open_fire_has_a_deadline_and_the_sweeper_alone_ends_them_all(house, seed):
    life = Life(house, seed)
    await life.begin()
    seen = set()
    for _ in range(STEPS):
        for fire in await open_fires(house):
            seen.add(fire.state)
            assert fire.deadline_at is not None, fire
            assert fire.deadline_at <= (fire.claimed_at or fire.due_at) + LONGEST_REPORT, fire
        assert await forgotten(house) == []
        await life.step()
    assert seen == {FireState.PENDING, FireState.RUNNING, FireState.WAITING}
    await let_time_pass(house)
    assert await open_fires(house) == []
    assert await forgotten(house) == []


async def forgotten(house):
    """Tasks whose next occasion nobody will ever tell."""
    return (await house.store.find_stuck(NOON)).ids[Ailment.FORGOTTEN_TASK]


async def let_time_pass(house):
    """Nobody plans or sends any more, only the sweeper looks; no fire takes it more looks than it may be lost."""
    fires = len(await house.fires())
    for _ in range(fires * (LOST_LIMIT + 1)):
        deadline = await house.store.next_deadline()
        if deadline is None:
            return
        await house.store.expire(deadline, 100)
