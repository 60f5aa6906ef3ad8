"""What commands, outages and a changed clock do to fires, seen from the receiver's side."""

from datetime import timedelta

import pytest

from dispatchserver.domain.errors import TaskNotFound
from dispatchserver.domain.fire import Delivery, MissedRun, Reason
from tests.builders import ALICE, a_key, an_outcome, at, cron, every, once
from tests.clocks import until

KEY = a_key()
REFUSED = an_outcome(status=None, delivery=Delivery.NOT_SENT, reason=Reason.DNS)


async def test_no_fire_starts_after_a_pause_not_even_one_planned_ahead(works):
    await works.add(trigger=every(1))
    await works.turn()
    await works.tasks.pause(KEY, ALICE)
    await works.turns(5, 1)
    assert works.dues == ["12:00:00"]


async def test_after_a_resume_the_schedule_goes_on_and_the_pause_is_told_in_one_row(works):
    await works.add(trigger=every(1))
    await works.turn()
    await works.tasks.pause(KEY, ALICE)
    await works.turn(3)
    await works.tasks.resume(KEY, ALICE)
    await works.turns(2, 1)
    assert works.dues == ["12:00:00", "12:00:04", "12:00:05"]
    (skipped,) = await works.house.fires(state="skipped")
    assert skipped.missed == MissedRun(first=at(1), last=at(3), count=3)


async def test_a_fire_due_before_the_pause_and_not_started_is_held_and_then_sent(works):
    await works.add(trigger=every(60))
    await works.engine.planner.run_once()
    await works.tasks.pause(KEY, ALICE)
    await works.turn(5)
    assert works.receiver.orders == []
    await works.tasks.resume(KEY, ALICE)
    await works.turn()
    assert works.dues == ["12:00:00"]


async def test_pausing_leaves_a_running_fire_alone(works):
    (answer,) = works.receiver.hold()
    await works.add(trigger=every(60))
    await works.engine.planner.run_once()
    await works.engine.dispatcher.run_once()
    await until(lambda: works.receiver.orders)
    await works.tasks.pause(KEY, ALICE)
    answer.set_result(an_outcome(b"ok"))
    await works.idle()
    assert await works.house.told() == [(0, "succeeded", None)]


async def test_a_retry_waits_for_the_resume(works):
    works.receiver.says = [REFUSED]
    await works.add(trigger=every(3600))
    await works.turn()
    await works.tasks.pause(KEY, ALICE)
    await works.turns(3, 60)
    assert len(works.receiver.orders) == 1
    await works.tasks.resume(KEY, ALICE)
    await works.turn()
    assert await works.house.told() == [(0, "succeeded", None)]


async def test_a_paused_task_still_fires_when_it_is_triggered(works):
    await works.add(trigger=every(60, start=at(60)))
    await works.tasks.pause(KEY, ALICE)
    fire = await works.tasks.trigger_now(KEY, ALICE)
    await works.turn()
    assert works.receiver.header(0, "X-Dispatch-Fire-Id") == fire.id
    assert works.receiver.header(0, "X-Dispatch-Kind") == "manual"


async def test_triggering_leaves_the_schedule_as_it_is(works):
    await works.add(trigger=every(10, start=at(10), count=2))
    await works.turn(5)
    await works.tasks.trigger_now(KEY, ALICE)
    await works.turns(4, 5)
    assert works.dues == ["12:00:05", "12:00:10", "12:00:20"]


async def test_every_pause_and_resume_of_many_accounts_for_every_second(works):
    await works.add(trigger=every(1))
    for n in range(8):
        await works.turn(1.3)
        command = works.tasks.pause if n % 2 == 0 else works.tasks.resume
        await command(KEY, ALICE)
    await works.turns(3, 1)
    covered = []
    for fire in await works.house.fires():
        span = fire.missed
        first, last = (span.first, span.last) if span else (fire.due_at, fire.due_at)
        covered += range(int((first - at()).seconds), int((last - at()).seconds) + 1)
    assert sorted(covered) == list(range(len(covered)))
    assert len(covered) >= 13


async def test_a_deleted_task_fires_no_more_and_keeps_its_history(works):
    await works.add(trigger=every(1))
    await works.turn()
    await works.tasks.delete(KEY, ALICE)
    await works.turns(3, 1)
    assert works.dues == ["12:00:00"]
    assert await works.house.told() == [(0, "succeeded", None)]
    with pytest.raises(TaskNotFound):
        await works.tasks.find(KEY)


async def test_a_deleted_tasks_retry_does_not_start_again(works):
    works.receiver.says = [REFUSED]
    await works.add(trigger=every(3600))
    await works.turn()
    await works.tasks.delete(KEY, ALICE)
    await works.turn(60)
    assert len(works.receiver.orders) == 1
    assert await works.house.told() == [(0, "cancelled", "deleted")]


async def test_a_task_deleted_and_added_again_begins_anew(works):
    await works.add(trigger=once())
    await works.turn()
    await works.tasks.delete(KEY, ALICE)
    await works.add(trigger=once())
    await works.turn()
    assert works.dues == ["12:00:00", "12:00:00"]
    assert len({order.body for order in works.receiver.orders}) == 2


async def test_after_a_replacement_only_the_new_version_fires(works):
    await works.add(trigger=every(1), priority=1)
    await works.turn()
    await works.add(trigger=every(2, start=at(1)), priority=2, overwrite=True)
    await works.turns(5, 1)
    assert works.dues == ["12:00:00", "12:00:01", "12:00:03", "12:00:05"]
    priorities = [works.receiver.header(n, "X-Dispatch-Priority") for n in range(4)]
    assert priorities == ["1", "2", "2", "2"]


async def test_a_replaced_task_that_was_paused_is_active_again(works):
    await works.add(trigger=every(1))
    await works.tasks.pause(KEY, ALICE)
    await works.add(trigger=every(1, start=at(2)), overwrite=True)
    await works.turns(3, 1)
    assert works.dues == ["12:00:02", "12:00:03"]


async def test_a_counted_run_fires_as_often_as_it_says_through_pauses_and_restarts(works):
    await works.add(trigger=every(10, count=5))
    await works.turn()
    works.hire(4, node="again")
    await works.turns(2, 10)
    await works.tasks.pause(KEY, ALICE)
    await works.turn(10)
    await works.tasks.resume(KEY, ALICE)
    await works.turns(5, 10)
    assert works.dues == ["12:00:00", "12:00:10", "12:00:20", "12:00:40"]
    assert [state for _, state, _ in await works.house.told()].count("skipped") == 1


async def test_after_a_long_stop_the_newest_missed_occasion_fires_once(works):
    await works.add(trigger=cron("0 * * * * ?"))
    await works.turn()
    works.hire(4, node="again")
    await works.turn(3600 + 30)
    await works.turn(30)
    assert works.dues == ["12:00:00", "13:00:00", "13:01:00"]
    misfire = (await works.house.fires())[1]
    assert misfire.missed == MissedRun(first=at(60), last=at(3540), count=59)


async def test_after_a_short_stop_every_occasion_fires_late(works):
    await works.add(trigger=every(20))
    await works.turn()
    await works.turn(61)
    assert works.dues == ["12:00:00", "12:00:20", "12:00:40", "12:01:00"]


async def test_a_one_shot_missed_by_a_stop_still_fires(works):
    await works.add(trigger=once(at(60)))
    await works.turn(86_400 * 3)
    assert works.dues == ["12:01:00"]


async def test_a_clock_set_back_fires_no_occasion_again(works, clock):
    await works.add(trigger=cron("* * * * * ?"))
    await works.turns(5, 1)
    fired = list(works.dues)
    clock.advance(-4)
    await works.turns(4, 1)
    assert works.dues == fired
    await works.turns(3, 1)
    assert works.dues == [*fired, "12:00:06", "12:00:07", "12:00:08"]
    assert len(set(works.dues)) == len(works.dues)


async def test_a_pause_during_relived_time_fires_no_occasion_again(works, clock):
    await works.add(trigger=every(1))
    await works.turns(5, 1)
    clock.advance(-3)
    await works.tasks.pause(KEY, ALICE)
    await works.tasks.resume(KEY, ALICE)
    await works.turns(6, 1)
    assert len(set(works.dues)) == len(works.dues)
    assert works.dues[-1] == "12:00:08"


async def test_a_clock_set_forward_is_an_outage(works, clock):
    await works.add(trigger=every(1))
    await works.turn()
    clock.advance(timedelta(days=30))
    await works.turn()
    assert len(works.dues) <= 4
    misfires = [fire for fire in await works.house.fires() if fire.missed]
    assert len(misfires) == 1


async def test_what_was_missed_before_a_deletion_is_told(works):
    await works.add(trigger=every(10))
    await works.turn()
    works.clock.advance(300)
    await works.tasks.delete(KEY, ALICE)
    told = await works.house.told()
    assert told == [(0, "succeeded", None), (300, "cancelled", "deleted")]
    assert (await works.house.fires())[1].missed.count == 30


async def test_a_pending_fire_that_never_got_a_slot_ends_after_a_day(works):
    await works.add(trigger=once())
    await works.engine.planner.run_once()
    works.clock.advance(timedelta(hours=24))
    assert await works.engine.sweeper.run_once() is None
    assert await works.house.told() == [(0, "skipped", "expired")]
