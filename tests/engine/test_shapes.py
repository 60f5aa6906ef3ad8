"""Windows and fixed delays through the whole engine, by a hand-moved clock."""

from datetime import time, timedelta

import pytest

from dispatchserver.domain.daychoice import weekly
from dispatchserver.domain.fire import Delivery, Reason
from dispatchserver.domain.misfirepolicy import FireAll
from dispatchserver.domain.reporting import Report
from dispatchserver.domain.retrypolicy import Delays, Retry
from dispatchserver.domain.task import Policies
from tests.builders import ALICE, a_key, an_outcome, at, cron, every
from tests.clocks import until
from tests.shapes import a_window, after_runs, union

HOUR = 3600


async def walk(works, seconds):
    """Turns until so much later, each at the moment for which the planner asked."""
    end = works.clock.now() + timedelta(seconds=seconds)
    while works.clock.now() < end:
        await works.turn()
        following = [await works.store.next_occasion(), await works.store.next_run(), end]
        step = min(moment for moment in following if moment is not None) - works.clock.now()
        await works.turn(max(step.total_seconds(), 0.001))


async def test_a_window_fires_on_its_grid_and_on_no_other_day(works):
    # NOON is that of a Wednesday.
    days = weekly(1, [3, 5])
    await works.add(
        trigger=a_window(days, opens="11:30", closes="13:00", minutes=30, end=at(days=7))
    )
    await walk(works, 3 * 24 * HOUR)
    wednesday = ["12:00:00", "12:30:00", "13:00:00"]
    assert works.dues == [*wednesday, "11:30:00", *wednesday]


async def test_a_window_over_midnight_belongs_to_the_day_it_opens_on(works):
    await works.add(trigger=a_window(weekly(1, [3]), opens="23:00", closes="01:00", minutes=60))
    await walk(works, 2 * 24 * HOUR)
    assert works.dues == ["23:00:00", "00:00:00", "01:00:00"]


async def test_lines_that_meet_fire_once(works):
    await works.add(trigger=union(every(20 * 60, end=at(HOUR)), cron("0 0/30 12 * * ?")))
    await walk(works, HOUR)
    assert works.dues == ["12:00:00", "12:20:00", "12:30:00", "12:40:00"]


async def test_a_fixed_delay_counts_from_the_end_of_each_run(works):
    await works.add(trigger=after_runs(60))
    for _ in range(3):
        (answer,) = works.receiver.hold()
        sent = len(works.receiver.orders)
        await works.engine.planner.run_once()
        await works.engine.dispatcher.run_once()
        await until(lambda sent=sent: len(works.receiver.orders) > sent)
        works.clock.advance(45)
        await works.engine.planner.run_once()
        answer.set_result(an_outcome(b"ok"))
        await works.idle()
        works.clock.advance(60)
    assert works.dues == ["12:00:00", "12:01:45", "12:03:30"]


async def test_tries_of_one_fire_are_one_run(works):
    works.receiver.says = [an_outcome(status=None, delivery=Delivery.NOT_SENT, reason=Reason.DNS)]
    soon = Retry(pauses=Delays(spans=(timedelta(seconds=4),)), on=frozenset({"not_sent"}))
    await works.add(trigger=after_runs(60), policies=Policies(retry=soon))
    await walk(works, 66)
    assert works.dues == ["12:00:00", "12:00:00", "12:01:04"]


async def test_after_a_crash_in_mid_run_the_delay_goes_on(works):
    works.receiver.hold()
    await works.add(trigger=after_runs(60))
    await works.engine.planner.run_once()
    await works.store.let_go(at(7200))
    await works.store.claim("node-that-died", works.clock.now(), 9, at(7200))
    works.clock.advance(30)
    works.receiver.says.clear()
    works.hire(4, node="node-b")
    assert await works.engine.recover() == 1
    await works.turn()
    await works.turn(60)
    assert works.dues == ["12:00:00", "12:01:30"]


async def test_a_report_starts_the_delay_and_wakes_the_planner(works):
    works.receiver.usually = an_outcome(b"", asynchronous=True)
    await works.add(trigger=after_runs(60))
    await works.turn()
    await works.turn(300)
    assert len(works.receiver.orders) == 1
    (fire,) = await works.house.fires()
    report = Report(fire_id=fire.id, success=True, result=None)
    await works.reports.accept(report, ALICE)
    await works.turn(60)
    assert works.dues == ["12:00:00", "12:06:00"]


async def test_by_its_own_loops_a_fixed_delay_fires_again_and_again(works):
    works.engine.start()
    try:
        await works.add(trigger=after_runs(5))
        for count in (1, 2, 3):
            await until(lambda count=count: len(works.receiver.orders) == count)
            await works.idle()
            await until_settled(works, count)
            works.clock.advance(5)
    finally:
        await works.engine.stop(timedelta(0))
    assert works.dues == ["12:00:00", "12:00:05", "12:00:10"]


async def until_settled(works, count):
    while len(await works.house.fires(state="succeeded")) < count:
        pass


async def test_all_that_was_missed_is_sent_spaced_where_the_task_says_so(works):
    policies = Policies(misfire=FireAll(limit=3, spacing=timedelta(seconds=2)))
    await works.add(trigger=every(600, start=at(600)), policies=policies)
    works.clock.advance(6010)
    await works.turn()
    assert works.dues == ["13:20:00"]
    await works.turn(2)
    await works.turn(2)
    assert works.dues == ["13:20:00", "13:30:00", "13:40:00"]
    (skipped,) = await works.house.fires(state="skipped")
    assert (skipped.reason, skipped.missed.count) == (Reason.MISFIRE, 7)


@pytest.mark.parametrize("name", ["a", "b", "c"])
async def test_a_spread_task_is_sent_at_its_own_place_and_never_early(works, name):
    await works.add(name, trigger=every(600), policies=Policies(spread=timedelta(seconds=60)))
    await works.turn()
    (fire,) = await works.house.fires()
    assert works.receiver.orders == []
    assert at() < fire.run_at < at(60)
    works.clock.advance((fire.run_at - at()).total_seconds() - 0.001)
    await works.turn()
    assert works.receiver.orders == []
    await works.turn(0.001)
    assert works.dues == ["12:00:00"]
    assert a_key(name) == fire.key
    assert time(12) == fire.due_at.time()
