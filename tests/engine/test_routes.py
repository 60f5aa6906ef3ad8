"""Several addresses in the running engine: who is called, who comes next, and what a broadcast makes."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from dispatchserver.domain.breaker import REST, TROUBLE_LIMIT
from dispatchserver.domain.concurrency import ConcurrencyKey
from dispatchserver.domain.destination import Allowance
from dispatchserver.domain.fire import Delivery, Outcome, Reason
from dispatchserver.domain.planning import plan
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.retrypolicy import Delays, Retry
from dispatchserver.domain.route import Route, RouteRule
from dispatchserver.domain.task import Policies
from tests.builders import an_outcome, at, every, once
from tests.clocks import until
from tests.engine.works import Works, headers_of

OK = an_outcome(b"ok")
BUSY = an_outcome(b"busy", status=503)
SILENT = Outcome(delivery=Delivery.NOT_SENT, reason=Reason.CONNECT)
NEVER = Policies(retry=Retry(pauses=Delays(spans=())))


def to(*names, rule=RouteRule.FAILOVER, by=None, data=None):
    url, *also = (f"http://{name}.test/" for name in names or ("a", "b", "c"))
    return HttpRecall(url=url, also=tuple(also), data=data, route=Route(rule=rule, by=by))


class Town:
    """Receivers by name: who is `down` is not reached, who is `busy` says so, who `holds` waits for its answer."""

    def __init__(self):
        self.down, self.busy, self.holds = set(), set(), {}
        self.orders = []

    async def send(self, order):
        self.orders.append(order)
        name = order.recall.destination[0]
        if name in self.holds:
            await self.holds[name].wait()
        return SILENT if name in self.down else BUSY if name in self.busy else OK

    async def close(self):
        pass

    @property
    def called(self):
        return "".join(order.recall.destination[0] for order in self.orders)

    def told(self, name):
        return [headers_of(order)[name] for order in self.orders]


@pytest.fixture
async def works(house, clock):
    works = Works(house, clock, slots=50, allowance=Allowance(slots=2))
    works.receiver = Town()
    works.hire(50)
    yield works
    await works.engine.crew.drain(timedelta(0))


async def states(works):
    return Counter(str(fire.state) for fire in await works.house.fires())


async def test_a_stopped_receiver_of_three_fails_no_run_and_each_try_is_an_attempt(works):
    works.receiver.down = {"a", "b"}
    await works.add(trigger=once(), recall=to(), policies=NEVER)
    await works.turns(3, 0)
    (fire,) = await works.house.fires()
    tries = await works.store.list_attempts(fire.id)
    assert [(each.number, each.address, each.outcome.reason) for each in tries] == [
        (1, "http://a.test/", Reason.CONNECT),
        (2, "http://b.test/", Reason.CONNECT),
        (3, "http://c.test/", None),
    ]
    assert {each.started_at for each in tries} == {at(0)}
    assert (fire.state, fire.attempts, fire.failovers) == ("succeeded", 3, 2)
    assert (await works.house.find()).failed == 0


async def test_with_all_stopped_each_repetition_goes_round_once(works):
    works.receiver.down = {"a", "b", "c"}
    once_more = Policies(retry=Retry(pauses=Delays(spans=(timedelta(seconds=5),))))
    await works.add(trigger=once(), recall=to(), policies=once_more)
    await works.turns(4, 0)
    assert works.receiver.called == "abc"
    await works.turns(1, 5)
    await works.turns(4, 0)
    assert works.receiver.called == "abcabc"
    assert await states(works) == {"failed": 1}


async def test_first_never_goes_on(works):
    works.receiver.down = {"a"}
    await works.add(trigger=once(), recall=to(rule=RouteRule.FIRST), policies=NEVER)
    await works.turns(3, 0)
    assert works.receiver.called == "a"
    assert await states(works) == {"failed": 1}


async def test_a_receiver_that_may_have_worked_is_left_only_by_the_tasks_own_policy(works):
    works.receiver.busy = {"a"}
    await works.add("never", once(), recall=to())
    await works.turns(3, 0)
    assert works.receiver.called == "a"
    again = Policies(retry=Retry(pauses=Delays(spans=(timedelta(seconds=5),) * 2)))
    await works.add("asked", once(at(1)), recall=to(), policies=again)
    await works.turns(2, 1)
    await works.turns(1, 5)
    assert works.receiver.called == "aab"
    assert await states(works) == {"failed": 1, "succeeded": 1}


async def test_the_circuit_of_a_stopped_receiver_opens_and_then_it_is_left_out(works):
    works.receiver.down = {"b"}
    in_turn = to(rule=RouteRule.ROUND_ROBIN)
    for n in range(120):
        await works.add(f"t{n:03}", once(at(n)), recall=in_turn, policies=NEVER)
    for _ in range(TROUBLE_LIMIT * 2):
        await works.turn(1)
        await works.turn()
    ((name, breaker),) = works.engine.destinations.active().items()
    assert name == "b.test:80"
    assert works.clock.now() < breaker.rests_until <= works.clock.now() + REST
    before = len(works.receiver.orders)
    await works.turns(20, 1)
    assert Counter(works.receiver.called[before:]) == {"a": 10, "c": 10}
    assert set(await states(works)) <= {"succeeded", "pending"}


async def test_turns_are_even_over_fires_of_all_tasks_with_the_same_addresses(works):
    for n in range(5):
        await works.add(f"t{n}", every(60), recall=to(rule=RouteRule.ROUND_ROBIN))
    await works.turn()
    await works.turns(5, 60)
    assert Counter(works.receiver.called) == {"a": 10, "b": 10, "c": 10}


async def test_calls_go_to_who_has_the_fewest_from_here(works):
    works.receiver.holds = {"a": asyncio.Event()}
    least = to("a", "b", rule=RouteRule.LEAST_BUSY)
    for n in range(12):
        await works.add(f"t{n:02}", once(at(n)), recall=least)
    for _ in range(12):
        works.clock.advance(1)
        await works.engine.planner.run_once()
        await works.engine.dispatcher.run_once()
        await until(lambda: works.engine.crew.busy <= 1)
    assert Counter(works.receiver.called)["a"] == 1
    works.receiver.holds["a"].set()


async def test_the_hash_keeps_a_customer_at_one_receiver(works):
    for n in range(30):
        data = {"order": {"customer": n % 10, "number": n}}
        recall = to(rule=RouteRule.HASH, by="$.order.customer", data=data)
        await works.add(f"t{n:02}", once(at(n)), recall=recall)
    await works.turns(30, 1)
    where = {}
    for n, name in enumerate(works.receiver.called):
        where.setdefault(n % 10, set()).add(name)
    assert all(len(names) == 1 for names in where.values())
    assert len({name for names in where.values() for name in names}) > 1


async def test_those_who_waited_for_a_busy_receiver_go_on_when_it_rests(works):
    """Its last two calls fail too, which makes twenty on end; who waited behind them is sent to the other one."""
    kept = to("a", "b", rule=RouteRule.HASH, by="$.k", data={"k": 3})
    (usual,) = {name for name in "ab" if await home_of(works, kept, name)}
    works.receiver.orders.clear()
    works.receiver.down, gate = {usual}, asyncio.Event()
    for n in range(TROUBLE_LIMIT - 2):
        await works.add(f"fails{n:02}", once(at(n)), recall=to(usual), policies=NEVER)
    await works.turns(TROUBLE_LIMIT, 1)
    works.receiver.holds = {usual: gate}
    for n in range(4):
        await works.add(f"kept{n}", once(works.clock.now()), recall=kept)
    await works.engine.planner.run_once()
    await works.engine.dispatcher.run_once()
    behind = {fire.behind for fire in await works.house.fires(state="pending")}
    assert behind == {f"{usual}.test:80 …"}
    gate.set()
    await works.idle()
    await works.turns(4, 0)
    assert (await states(works))["succeeded"] == 6
    assert works.receiver.called.count("b" if usual == "a" else "a") == 4


async def home_of(works, recall, name):
    """Whether calls with these data go to this receiver."""
    await works.add(f"asks-{name}", once(works.clock.now()), recall=recall)
    await works.turn()
    return works.receiver.called[-1] == name


async def test_a_broadcast_calls_each_with_its_number_and_judges_each_alone(works):
    works.receiver.down = {"b"}
    await works.add(trigger=once(), recall=to(rule=RouteRule.BROADCAST), policies=NEVER)
    await works.turns(3, 0)
    assert sorted(works.receiver.called) == ["a", "b", "c"]
    fires = await works.house.fires()
    assert sorted((f.shard, f.shards, str(f.state)) for f in fires) == [
        (0, 3, "succeeded"),
        (1, 3, "failed"),
        (2, 3, "succeeded"),
    ]
    numbers = works.receiver.told("X-Dispatch-Shard-Index")
    named = dict(zip(works.receiver.called, numbers, strict=True))
    assert named == {"a": "0", "b": "1", "c": "2"}
    status = await works.house.find()
    assert (status.succeeded, status.failed) == (2, 1)


async def test_a_broadcast_planned_twice_calls_nobody_twice(works):
    await works.add(trigger=every(60), recall=to(rule=RouteRule.BROADCAST))
    await works.turn()
    tasks = await works.store.due_tasks(at(120), 10)
    planned = [plan(task, at(60), at(60)) for task in tasks]
    assert await works.store.record_plans(planned) == 1
    assert await works.store.record_plans(planned) == 0
    await works.turn(60)
    assert Counter(works.receiver.called) == {"a": 2, "b": 2, "c": 2}


async def test_a_pause_takes_all_shards_back_that_are_not_due_yet(works):
    await works.add(trigger=once(at(1)), recall=to(rule=RouteRule.BROADCAST))
    await works.engine.planner.run_once()
    assert len(await works.house.fires()) == 3
    await works.house.pause(now=works.clock.now())
    assert await works.house.fires() == []
    await works.house.resume(now=works.clock.now())
    await works.turn(1)
    assert len(works.receiver.orders) == 3


async def test_shards_share_a_key_one_after_the_other(works):
    key = Policies(concurrency=ConcurrencyKey(name="database", limit=1))
    await works.add(trigger=once(), recall=to(rule=RouteRule.BROADCAST), policies=key)
    for sent in (1, 2, 3):
        await works.turn()
        assert len(works.receiver.orders) == sent


async def test_a_restart_in_the_middle_of_going_on_remembers_who_was_tried(works):
    works.receiver.down = {"a"}
    await works.add(trigger=once(), recall=to(), policies=NEVER)
    await works.turn()
    assert works.receiver.called == "a"
    town = works.receiver
    works.hire(50, node="node-b")
    works.receiver = town
    await works.engine.recover()
    await works.turn()
    assert works.receiver.called == "ab"
    assert await states(works) == {"succeeded": 1}


async def test_the_more_urgent_goes_first_though_others_without_room_are_read_before_it(
    house, clock
):
    """One of several addresses is found in the store, page by page; what calls a single one lies in memory."""
    works = Works(house, clock, slots=2, allowance=Allowance(slots=1))
    works.receiver = town = Town()
    works.hire(2)
    for name in "xy":
        works.engine.destinations.allow(f"{name}.test:80", Allowance(paused=True), clock.now())
    for number in range(4):
        await works.add(f"shut-{number}", once(), recall=to("x", "y"), priority=9)
    await works.add("urgent", once(), recall=to("b", "c", data="urgent"), priority=5)
    await works.add("humble", once(), recall=to("b", data="humble"), priority=1)
    town.holds["b"] = asyncio.Event()
    await works.plan()
    await works.engine.dispatcher.run_once()
    await until(lambda: "b" in town.called)
    assert [order.recall.data for order in town.orders] == ["urgent"]
    town.holds["b"].set()
    await works.turns(2, 0)
    assert [order.recall.data for order in town.orders] == ["urgent", "humble"]
