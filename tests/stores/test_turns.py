"""Turns and keys against a model: whatever is done in whatever order, lanes are never overfull and never idle."""

import asyncio
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dispatchserver.domain.concurrency import BusyRule, ConcurrencyKey, Overlap, OverlapRule
from dispatchserver.domain.errors import DispatchError
from dispatchserver.domain.fire import Decision, FireState, Turn
from dispatchserver.domain.task import Policies
from tests.builders import NOON, an_attempt, at, every, once
from tests.houses import sqlite_house

NAMES = ("a", "b", "c", "d")
KEYS = (None, ("red", 1), ("blue", 2))
HANGS = (FireState.RUNNING, FireState.WAITING)


class Lanes(RuleBasedStateMachine):
    """Four tasks that fire every ten seconds, each with an overlap rule and perhaps a key; their calls hang at will."""

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.opened = sqlite_house(Path(self.folder.name))
        self.house = self.run(self.opened.__aenter__())
        self.now = NOON
        self.policies = {}

    def run(self, work):
        return self.loop.run_until_complete(work)

    def teardown(self):
        self.nobody_waits_where_there_is_room()
        self.run(self.opened.__aexit__(None, None, None))
        self.loop.close()
        self.folder.cleanup()

    @initialize()
    def begin(self):
        for name in NAMES[:2]:
            self.add(name, OverlapRule.QUEUE_ALL, KEYS[1])

    @rule(
        name=st.sampled_from(NAMES),
        overlap=st.sampled_from(list(OverlapRule)),
        key=st.sampled_from(KEYS),
        busy=st.sampled_from([BusyRule.QUEUE, BusyRule.QUEUE, BusyRule.SKIP, BusyRule.FAIL]),
    )
    def add(self, name, overlap, key, busy=BusyRule.QUEUE):
        shared = None if key is None else ConcurrencyKey(name=key[0], limit=key[1], busy=busy)
        policies = Policies(overlap=Overlap(rule=overlap, waiting=3), concurrency=shared)
        trigger = every(10, start=self.now)
        self.run(self.house.add(name, trigger, now=self.now, overwrite=True, policies=policies))
        self.policies[name] = policies

    @rule(seconds=st.sampled_from([0, 1, 10, 30]), slots=st.integers(0, 4))
    def work(self, seconds, slots):
        self.now += timedelta(seconds=seconds)
        self.run(self.house.plan(self.now, ahead=1))
        self.run(self.house.claim(self.now, limit=slots))

    @rule(
        pick=st.integers(0, 9),
        decision=st.sampled_from(
            [Decision.SUCCESS, Decision.FAILURE, Decision.RETRY, Decision.WAIT]
        ),
    )
    def answer(self, pick, decision):
        running = self.fires(FireState.RUNNING)
        if not running:
            return
        fire = running[pick % len(running)]
        later = (
            {}
            if decision in (Decision.SUCCESS, Decision.FAILURE)
            else {"at": self.now + timedelta(seconds=5)}
        )
        attempt = an_attempt(fire, decision, now=self.now, **later)
        self.run(self.house.store.settle(fire, attempt))

    @rule(name=st.sampled_from(NAMES), change=st.sampled_from(["pause", "resume", "delete"]))
    def change(self, name, change):
        try:
            self.run(getattr(self.house, change)(name, now=self.now))
        except DispatchError:
            return
        if change == "delete":
            del self.policies[name]

    @rule()
    def reports_time_out(self):
        self.now += timedelta(seconds=6)
        self.run(self.house.store.expire(self.now, 100))

    def fires(self, *states):
        return [fire for fire in self.run(self.house.fires()) if fire.state in states]

    @invariant()
    def nobody_is_sent_beside_another_of_its_task(self):
        hanging = Counter(fire.task_id for fire in self.fires(*HANGS) if fire.serial)
        assert max(hanging.values(), default=0) <= 1

    @invariant()
    def no_key_is_held_by_more_than_its_limit(self):
        held = Counter(fire.key_name for fire in self.fires(*HANGS))
        assert held["red"] <= 1 and held["blue"] <= 2

    @rule()
    def nobody_waits_where_there_is_room(self):
        """After a look at those that ask, whoever still waits has somebody before it.

        No invariant: much may happen between two looks.
        """
        self.run(self.house.claim(self.now, limit=0))
        free = [fire for fire in self.fires(FireState.PENDING) if not fire.held]
        under_way = [
            fire
            for fire in self.fires(FireState.PENDING, *HANGS)
            if fire.turn not in (Turn.ASKS, Turn.BEHIND_TASK)
        ]
        for fire in free:
            if fire.turn is Turn.BEHIND_TASK:
                assert any(other.serial and other.task_id == fire.task_id for other in under_way)
            if fire.turn is Turn.BEHIND_KEY:
                holders = [
                    o for o in under_way if o.key_name == fire.key_name and o.turn is Turn.READY
                ]
                assert len(holders) >= dict(KEYS[1:])[fire.key_name]


Lanes.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestLanes = Lanes.TestCase


async def test_a_key_held_in_the_very_moment_of_a_replace_goes_to_the_next(house):
    """The holder is due at that moment, so it is taken back and leaves no row that could tell what it held."""
    shared = Policies(concurrency=ConcurrencyKey(name="red"))
    for name in ("first", "second"):
        await house.add(name, every(10, count=1), policies=shared)
    await house.plan()
    await house.claim(limit=0)
    (holder,) = [fire for fire in await house.fires() if fire.turn is Turn.READY]
    await house.add(holder.key.name, every(10, start=at(60)), overwrite=True)
    assert len(await house.claim()) == 1


NEEDS_RED = Policies(concurrency=ConcurrencyKey(name="red"))


@pytest.mark.parametrize("change", ["pause", "delete", "replace"])
async def test_a_key_offered_to_a_task_that_is_changed_in_that_moment_goes_to_the_next(
    house, change
):
    for name in ("first", "second", "third"):
        await house.add(name, every(10, count=1), policies=NEEDS_RED)
    await house.plan()
    (holder,) = await house.claim()
    await house.store.settle(holder, an_attempt(holder, Decision.SUCCESS, now=NOON))
    (asks,) = [fire for fire in await house.fires() if fire.turn is Turn.ASKS_KEY]
    if change == "replace":
        await house.add(asks.key.name, every(10, start=at(60)), overwrite=True)
    else:
        await getattr(house, change)(asks.key.name)
    (goes,) = await house.claim()
    assert {holder.key.name, asks.key.name, goes.key.name} == {"first", "second", "third"}


async def test_a_key_offered_to_a_fire_whose_time_is_up_goes_to_the_next(house):
    for name, start in (("first", 0), ("second", 0), ("third", 60)):
        await house.add(name, every(10, start=at(start), count=1), policies=NEEDS_RED)
    await house.plan()
    (holder,) = await house.claim()
    await house.plan(at(60))
    assert await house.claim(at(60)) == []
    await house.store.settle(holder, an_attempt(holder, Decision.SUCCESS, now=at(60)))
    (asks,) = [fire for fire in await house.fires() if fire.turn is Turn.ASKS_KEY]
    await house.store.expire(asks.deadline_at, 100)
    assert (await house.store.find_fire(asks.id)).state is FireState.SKIPPED
    assert [fire.key.name for fire in await house.claim(asks.deadline_at)] == ["third"]


async def test_one_that_gives_way_to_a_key_lets_the_next_of_its_task_ask(house):
    """The first of two that wait finds the key taken and is skipped; the other has nobody left to wait for."""
    gives_way = ConcurrencyKey(name="red", busy=BusyRule.SKIP)
    crowd = Policies(overlap=Overlap(rule=OverlapRule.QUEUE_ALL), concurrency=gives_way)
    await house.add("crowd", every(10, count=3), policies=crowd)
    await house.plan()
    (holder,) = await house.claim()
    await house.plan(at(20))
    assert await house.claim(at(20)) == []
    await house.add("urgent", once(at(20)), now=at(20), policies=NEEDS_RED, priority=9)
    await house.plan(at(20))
    await house.store.settle(holder, an_attempt(holder, Decision.SUCCESS, now=at(20)))
    assert [fire.key.name for fire in await house.claim(at(20))] == ["urgent"]
    assert await house.claim(at(20)) == []
    assert [state for _, state, _ in await house.told(name="crowd")] == [
        "succeeded",
        "skipped",
        "skipped",
    ]
