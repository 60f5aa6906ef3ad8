"""Fairness to receivers: nobody is asked too much at once, and nobody waits for a stranger's receiver."""

from collections import Counter
from datetime import timedelta

import pytest

from dispatchserver.domain.breaker import REST, TROUBLE_LIMIT
from dispatchserver.domain.destination import Allowance
from dispatchserver.domain.fire import Delivery, Outcome, Reason
from dispatchserver.domain.rate import read_rate
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.retrypolicy import Delays, Retry
from dispatchserver.domain.task import Policies
from dispatchserver.engine import hand
from dispatchserver.engine.hand import PATIENCE
from tests.builders import an_outcome, at, once
from tests.clocks import until
from tests.engine.works import Works

ONCE = Policies(retry=Retry(pauses=Delays(spans=())))
OK = an_outcome(b"ok")
SILENT = Outcome(delivery=Delivery.NOT_SENT, reason=Reason.CONNECT)


def to(host):
    return HttpRecall(url=f"http://{host}.example/x")


@pytest.fixture
async def works(house, clock):
    """Fifty slots, and two calls at once to each receiver; what still hangs at the end is called off."""
    works = Works(house, clock, slots=50, allowance=Allowance(slots=2))
    yield works
    await works.engine.crew.drain(timedelta(0))


async def dispatch(works):
    await works.plan()
    return await works.engine.dispatcher.run_once()


async def lose_patience(works):
    """What waited in hand is let go, and set aside in the store."""
    works.clock.advance(PATIENCE.total_seconds() + 1)
    await dispatch(works)


@pytest.fixture
def no_hand(monkeypatch):
    """Nothing is kept in memory, as where there is more than that holds."""
    monkeypatch.setattr(hand, "HAND_LIMIT", 0)


async def behind(works):
    return sorted((f.key.name, f.behind) for f in await works.house.fires(state="pending"))


async def test_a_receiver_gets_no_more_calls_at_once_than_it_is_allowed(works):
    answers = works.receiver.hold(2)
    for n in range(5):
        await works.add(f"t{n}", once(at(n / 10)), recall=to("slow"))
    works.clock.advance(1)
    assert await dispatch(works) is None
    await until(lambda: len(works.receiver.orders) == 2)
    assert works.receiver.names == ["t0", "t1"]
    await lose_patience(works)
    assert await behind(works) == [(f"t{n}", "slow.example:80") for n in (2, 3, 4)]
    answers[0].set_result(OK)
    await until(lambda: works.engine.crew.busy == 1)
    await works.turns(4, 0) if answers[1].set_result(OK) is None else None
    assert works.receiver.names == ["t0", "t1", "t2", "t3", "t4"]


async def test_a_hanging_receiver_does_not_hold_up_the_others(works):
    works.receiver.hold(2)
    for n in range(300):
        await works.add(f"hangs{n}", once(), recall=to("slow"), priority=9)
    for n in range(2):
        await works.add(f"healthy{n}", once(), recall=to(f"well{n}"), priority=1)
    await dispatch(works)
    await until(lambda: len(works.receiver.orders) == 4)
    assert sorted(works.receiver.names[2:]) == ["healthy0", "healthy1"]


async def test_more_than_one_claim_looks_at_are_passed_over_in_several(works, no_hand):
    works.receiver.hold(2)
    for n in range(2_200):
        await works.add(f"hangs{n}", once(), recall=to("slow"))
    await works.add("healthy", once(at(0.5)), recall=to("well"))
    works.clock.advance(1)
    while await works.house.store.next_occasion() is not None:
        await works.engine.planner.run_once()
    passes = 1
    while await works.engine.dispatcher.run_once() == works.clock.now():
        passes += 1
    assert 1 < passes < 5
    await until(lambda: len(works.receiver.orders) == 3)
    assert works.receiver.names[-1] == "healthy"


async def test_what_waits_behind_a_receiver_goes_by_priority_among_what_comes_later(works):
    answers = works.receiver.hold(2)
    for name, priority in (("a", 6), ("b", 5), ("low", 1), ("middle", 2)):
        await works.add(name, once(), recall=to("slow"), priority=priority)
    await dispatch(works)
    await works.add("high", once(), recall=to("slow"), priority=3)
    for answer in answers:
        answer.set_result(OK)
    await works.idle()
    await works.turns(2, 0)
    assert works.receiver.names == ["a", "b", "high", "middle", "low"]


async def test_a_freed_place_at_a_receiver_wakes_the_dispatcher(works):
    (answer, _) = works.receiver.hold(2)
    for n in range(3):
        await works.add(f"t{n}", once(), recall=to("slow"))
    await dispatch(works)
    woken = []
    works.engine.wake_dispatcher = lambda: woken.append("free")
    answer.set_result(OK)
    await until(lambda: woken)


async def test_a_rate_spreads_the_calls_of_a_receiver(house, clock):
    works = Works(house, clock, allowance=Allowance(rate=read_rate("2/s")))
    for n in range(4):
        await works.add(f"t{n}", once())
    for sent in range(1, 4):
        look_again = await dispatch(works)
        await works.idle()
        assert len(works.receiver.orders) == sent
        assert look_again == at(sent / 2)
        clock.advance(0.5)
    await works.turn()
    assert len(works.receiver.orders) == 4


async def test_a_receiver_that_fails_on_end_rests_and_is_probed_by_one(works):
    works.receiver.usually = SILENT
    for n in range(TROUBLE_LIMIT + 5):
        await works.add(f"t{n:02}", once(), policies=ONCE)
    await works.turns(TROUBLE_LIMIT // 2, 0)
    assert len(works.receiver.orders) == TROUBLE_LIMIT
    assert await dispatch(works) == works.clock.now() + REST
    assert len(works.receiver.orders) == TROUBLE_LIMIT
    (probe,) = works.receiver.hold()
    works.clock.advance(REST.total_seconds())
    await dispatch(works)
    assert len(works.receiver.orders) == TROUBLE_LIMIT + 1
    probe.set_result(OK)
    await works.idle()
    works.receiver.usually = OK
    await works.turns(20, 1)
    states = Counter(str(fire.state) for fire in await works.house.fires())
    assert states == {"failed": TROUBLE_LIMIT, "succeeded": 5}


async def test_a_resting_receiver_of_one_task_leaves_others_alone(works):
    works.receiver.says = [SILENT] * TROUBLE_LIMIT
    for n in range(TROUBLE_LIMIT):
        await works.add(f"t{n:02}", once(), recall=to("down"))
    await works.turns(TROUBLE_LIMIT // 2, 0)
    await works.add("other", once(), recall=to("up"))
    await works.turn()
    assert works.receiver.names[-1] == "other"


async def test_a_restart_forgets_who_had_no_room(works):
    works.receiver.hold(2)
    for n in range(4):
        await works.add(f"t{n}", once(), recall=to("slow"))
    await dispatch(works)
    await lose_patience(works)
    assert len([each for each in await behind(works) if each[1]]) == 2
    await works.engine.crew.drain(timedelta(0))
    works.hire(50, node="node-b")
    await works.engine.recover()
    assert not [each for each in await behind(works) if each[1]]


async def test_a_paused_task_is_weighed_anew_when_it_goes_on(works):
    answers = works.receiver.hold(2)
    for n in range(3):
        await works.add(f"t{n}", once(), recall=to("slow"), priority=-n)
    await dispatch(works)
    await works.house.pause("t2", works.clock.now())
    for answer in answers:
        answer.set_result(OK)
    await works.idle()
    await works.turn()
    assert len(works.receiver.orders) == 2
    await works.house.resume("t2", works.clock.now() + timedelta(milliseconds=1))
    assert not [each for each in await behind(works) if each[1]]


async def test_a_version_that_cannot_be_read_ends_its_fire_and_holds_nobody_up(
    works, house, no_hand
):
    await works.add("spoiled", once())
    await works.engine.planner.run_once()
    await house.driver.writer.execute("UPDATE task_versions SET recall_json = '{}'")
    await works.add("sound", once())
    await works.turn()
    assert works.receiver.names == ["sound"]
    (told,) = [f for f in await house.fires() if f.key.name == "spoiled"]
    assert (str(told.state), str(told.reason)) == ("failed", "unreadable")


async def test_waiting_long_counts_like_a_larger_priority(house, clock):
    works = Works(house, clock, slots=1)
    (answer,) = works.receiver.hold()
    await works.add("first", once())
    await dispatch(works)
    await works.add("old", once(at(1)), priority=1)
    await works.engine.planner.run_once()
    clock.advance(310)
    await works.engine.planner.run_once()
    await works.add("fresh", once(clock.now()), priority=2)
    await works.add("urgent", once(clock.now()), priority=3)
    await works.engine.planner.run_once()
    clock.advance(1)
    answer.set_result(OK)
    await works.idle()
    await works.turns(3, 0)
    assert works.receiver.names == ["first", "urgent", "old", "fresh"]


async def test_hanging_receivers_leave_slots_to_one_that_hangs_not(house, clock):
    works = Works(house, clock, slots=32, allowance=Allowance(slots=32))
    works.receiver.hold(32)
    for n in range(200):
        await works.add(f"hangs{n}", once(), recall=to(f"slow{n % 4}"), priority=9)
    while await dispatch(works) == clock.now():
        pass
    await until(lambda: works.engine.crew.busy == len(works.receiver.orders))
    assert 20 < works.engine.crew.busy < 32
    hanging = works.engine.crew.busy
    works.receiver.says.clear()
    for n in range(5):
        await works.add(f"healthy{n}", once(clock.now()), recall=to("well"))
        await dispatch(works)
        await until(lambda: works.engine.crew.busy == hanging)
    assert works.receiver.names[hanging:] == [f"healthy{n}" for n in range(5)]
    await works.engine.crew.drain(timedelta(0))


async def test_a_slot_that_gets_free_elsewhere_wakes_those_who_had_their_share(house, clock):
    works = Works(house, clock, slots=32, allowance=Allowance(slots=32))
    (other, *_) = works.receiver.hold(35)
    for n in range(40):
        await works.add(f"hangs{n}", once(), recall=to("slow"), priority=9)
    await works.add("other", once(), recall=to("other"), priority=10)
    await dispatch(works)
    await until(lambda: len(works.receiver.orders) == 30)
    woken = []
    works.engine.wake_dispatcher = lambda: woken.append("free")
    assert works.receiver.names[0] == "other"
    other.set_result(OK)
    await until(lambda: woken)
    await dispatch(works)
    await until(lambda: len(works.receiver.orders) == 31)
    await works.engine.crew.drain(timedelta(0))
