"""Why did it run, or not? Asked of a real store after a real engine has worked, by a hand-moved clock."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from dispatchserver.dialects.rest.whys import why_doc
from dispatchserver.domain.calendar import DateRange
from dispatchserver.domain.calendarspec import Absence, CalendarKey, CalendarSpec
from dispatchserver.domain.changing import Addition
from dispatchserver.domain.concurrency import BusyRule, ConcurrencyKey, Overlap, OverlapRule
from dispatchserver.domain.errors import TaskNotFound
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.group import GroupKey, GroupSpec
from dispatchserver.domain.misfirepolicy import Instruction, QuartzMisfire, SkipMissed
from dispatchserver.domain.task import Policies
from dispatchserver.engine.groups import GroupCases
from dispatchserver.engine.whys import Whys
from dispatchserver.ports import Actor
from tests.builders import ALICE, NOON, UTC_ZONE, a_key, a_spec, an_outcome, at, cron, every, once

HOUR = 3600
HOURLY = cron("0 0 * * * ?")
BOB = Actor(who="bob", door="web")
OK = an_outcome(b"ok")


async def step(works, seconds=0.0):
    """Plans and dispatches without waiting for callbacks that hang, then moves the clock."""
    await works.engine.planner.run_once()
    await works.engine.dispatcher.run_once()
    works.clock.advance(seconds)


@pytest.fixture
def ask(works, house, clock):
    """Asks about the minute this long after noon; answers code and sentence, in English, and keeps the document."""
    whys = Whys(
        house.store, house.store, GroupCases(house.groups, house.store, clock, UTC_ZONE), clock
    )

    async def asked(seconds=None, name="task"):
        moment = None if seconds is None else at(seconds)
        told = await whys.why(a_key(name), moment)
        zone = await whys.zone_of(a_key(name))
        chinese = why_doc(told, a_key(name), zone, "zh")["sentence"]
        assert chinese.endswith("。") and "{" not in chinese
        asked.doc = why_doc(told, a_key(name), zone, "en")
        return asked.doc["code"], asked.doc["sentence"]

    asked.zone_of = whys.zone_of
    return asked


async def test_a_callback_that_came_in_time_is_told_with_its_fire(works, ask):
    await works.add(trigger=HOURLY)
    await works.turn()
    code, said = await ask(0)
    assert code == "succeeded" and said.startswith("It fired at 2026-03-04 12:00:00")
    fire = ask.doc["evidence"]["fire"]
    assert (fire["state"], fire["due_at"]) == ("succeeded", "2026-03-04T12:00:00Z")


async def test_one_that_came_late_says_how_late(works, ask):
    works.hire(1)
    (held,) = works.receiver.hold()
    await works.add("slow", once(), priority=9)
    await works.add(trigger=once())
    await step(works, 90)
    held.set_result(OK)
    await works.idle()
    await works.turn()
    code, said = await ask(0)
    assert code == "succeeded_late" and "1 min 30 s late" in said


async def test_a_pause_is_told_with_who_paused_and_when(works, ask):
    await works.add(trigger=HOURLY)
    await works.turn()
    works.clock.advance(600)
    await works.tasks.pause(a_key(), BOB)
    await works.turn(2 * HOUR)
    code, said = await ask(HOUR)
    assert code == "paused" and "by bob at 2026-03-04 12:10:00" in said
    await works.tasks.resume(a_key(), ALICE)
    code, said = await ask(HOUR)
    assert code == "skipped_paused" and "by bob at 2026-03-04 12:10:00" in said
    assert ask.doc["evidence"]["change"]["door"] == "web"


async def test_a_task_that_was_added_paused_names_who_added_it(works, ask):
    addition = Addition(key=a_key(), spec=a_spec(HOURLY), at=works.clock.now(), paused=True)
    await works.tasks.add(addition, BOB)
    await works.turn(2 * HOUR)
    code, said = await ask(HOUR)
    assert code == "paused" and "by bob at 2026-03-04 12:00:00" in said


async def test_a_day_that_the_calendar_excludes_names_the_calendar(works, house, ask):
    away = Absence(DateRange(NOON.date(), NOON.date()), "Founders' Day")
    spec = CalendarSpec(weekdays=(), excluded=(away,), working=())
    await house.calendars.put(
        CalendarKey(namespace="default", name="office"), lambda standing: spec, ALICE, NOON
    )
    await works.add(trigger=HOURLY, policies=Policies(calendar="office"))
    code, said = await ask(5 * HOUR)
    assert code == "excluded" and "office" in said and "2026-03-05 00:00:00" in said
    await works.turn(2 * HOUR)
    code, said = await ask(HOUR)
    assert code == "skipped_calendar" and "office" in said
    assert ask.doc["evidence"]["fire"]["missed"]["first"] == "2026-03-04T12:00:00Z"


async def test_an_outage_is_told_by_the_row_of_what_was_missed(works, ask):
    await works.add(trigger=HOURLY, policies=Policies(misfire=SkipMissed()))
    await works.turn()
    await works.turn(5.5 * HOUR)
    for hours in (1, 3, 5):
        code, said = await ask(hours * HOUR)
        assert code == "skipped_misfire" and "13:00:00" in said and "17:00:00" in said


async def test_what_one_fire_made_up_for_after_an_outage_names_that_fire(works, ask):
    await works.add(trigger=HOURLY)
    await works.turn()
    await works.turn(5.5 * HOUR)
    code, said = await ask(2 * HOUR)
    assert code == "made_up" and "17:00:00" in said
    assert ask.doc["evidence"]["fire"]["due_at"] == "2026-03-04T17:00:00Z"
    assert (await ask(5 * HOUR))[0] == "succeeded_late"


async def test_a_deleted_task_still_answers(works, ask):
    await works.add(trigger=HOURLY)
    await works.turn()
    works.clock.advance(600)
    await works.tasks.delete(a_key(), BOB)
    await works.turn(2 * HOUR)
    code, said = await ask(HOUR)
    assert code == "deleted" and "by bob at 2026-03-04 12:10:00" in said
    assert (await ask(0))[0] == "succeeded"
    code, said = await ask(300)
    assert code == "not_named_between" and "13:00:00" in said


async def test_what_was_pending_when_the_task_was_deleted_or_replaced_names_who_did_it(works, ask):
    works.hire(1)
    (held,) = works.receiver.hold()
    await works.add("slow", once(), priority=9)
    await works.add("gone", once())
    await works.add("other", once())
    await step(works, 30)
    await works.tasks.delete(a_key("gone"), BOB)
    await works.add("other", once(at(HOUR)), overwrite=True)
    held.set_result(OK)
    await works.idle()
    assert "by bob at 2026-03-04 12:00:30" in (await ask(0, "gone"))[1]
    code, said = await ask(0, "other")
    assert code == "cancelled_replaced" and "by alice at 2026-03-04 12:00:30" in said


async def test_a_task_of_the_same_name_that_came_after_is_another_one(works, ask):
    await works.add(trigger=HOURLY)
    await works.turn()
    works.clock.advance(600)
    await works.tasks.delete(a_key(), BOB)
    works.clock.advance(2 * HOUR)
    await works.add(trigger=cron("0 30 * * * ?"))
    assert (await ask(HOUR))[0] == "deleted"
    code, said = await ask(400)
    assert code == "not_named_between" and "13:00:00" in said
    assert (await ask(2 * HOUR + 1800))[0] == "to_come"


async def test_before_a_task_was_added_it_says_since_when_it_is_there(works, ask):
    works.clock.advance(HOUR)
    await works.add(trigger=HOURLY)
    code, said = await ask(0)
    assert code == "not_yet_added" and "added at 2026-03-04 13:00:00" in said and "alice" in said


async def test_a_name_never_heard_of_is_not_found(ask):
    with pytest.raises(TaskNotFound):
        await ask(0, "nobody")


async def test_another_time_is_told_with_the_nearest_ones_by_the_clock_of_the_task(works, ask):
    await works.add(trigger=cron("0 0 9 * * ?", "Asia/Shanghai"))
    code, said = await ask(0)
    assert code == "not_named_between"
    assert "2026-03-04 20:00:00+08:00" in said
    assert (ask.doc["before"], ask.doc["next"]) == ("2026-03-04T01:00:00Z", "2026-03-05T01:00:00Z")


async def test_the_schedule_that_counts_is_the_one_in_force_then(works, ask):
    await works.add(trigger=HOURLY)
    await works.turns(3, HOUR)
    await works.add(trigger=cron("0 30 * * * ?"), overwrite=True)
    code, said = await ask(1800)
    assert code == "not_named_between" and "12:00:00" in said
    assert (await ask(3 * HOUR + 1800))[0] == "to_come"
    assert (await ask(4 * HOUR))[0] == "not_named_between"


async def test_a_run_by_hand_names_who_ran_it(works, ask):
    await works.add(trigger=once(at(HOUR)))
    works.clock.advance(100)
    await works.tasks.trigger_now(a_key(), BOB)
    await works.turn()
    code, said = await ask(60)
    assert code == "by_hand" and "by bob at 2026-03-04 12:01:40" in said


async def test_asked_of_now_it_answers_of_this_minute(works, ask):
    await works.add(trigger=HOURLY)
    await works.turn(HOUR)
    assert (await ask())[0] == "succeeded"
    assert (await ask(2 * HOUR))[0] == "to_come"


async def test_what_overlaps_and_what_waits_for_its_turn_says_so(works, ask):
    (held,) = works.receiver.hold()
    rule = Policies(overlap=Overlap(rule=OverlapRule.QUEUE_ONE))
    await works.add(trigger=every(60, count=3), policies=rule)
    for _ in range(3):
        await step(works, 60)
    assert (await ask(0))[0] == "running"
    code, said = await ask(60)
    assert code == "queued_behind_task" and "2 min so far" in said
    assert (await ask(120))[0] == "skipped_overlap"
    held.set_result(OK)
    await works.idle()


@pytest.mark.parametrize(
    ("busy", "code"),
    [
        ("queue", "queued_behind_key"),
        ("skip", "skipped_concurrency"),
        ("fail", "failed_concurrency"),
    ],
)
async def test_a_key_that_was_taken_is_named(works, ask, busy, code):
    (held,) = works.receiver.hold()
    await works.add("first", once(), policies=Policies(concurrency=ConcurrencyKey(name="db")))
    await step(works)
    key = ConcurrencyKey(name="db", busy=BusyRule(busy))
    await works.add(trigger=once(at(60)), policies=Policies(concurrency=key))
    works.clock.advance(60)
    await step(works)
    told, said = await ask(60)
    held.set_result(OK)
    await works.idle()
    assert told == code and "key db" in said


async def test_a_fire_that_was_broken_off_by_the_next_says_so(works, ask):
    works.receiver.hold()
    rule = Policies(overlap=Overlap(rule=OverlapRule.CANCEL_PREVIOUS))
    await works.add(trigger=every(60, count=2), policies=rule)
    for _ in range(2):
        await step(works, 60)
    await works.idle()
    code, said = await ask(0)
    assert code == "cancelled_overlap" and "broken off at 2026-03-04 12:01:00" in said


async def test_a_fixed_delay_tells_that_it_has_no_times(works, ask):
    delay = FixedDelayTrigger(delay=timedelta(minutes=10), first=NOON, zone=UTC_ZONE)
    await works.add(trigger=delay)
    await works.turn()
    code, said = await ask(300)
    assert code == "after_each" and "10 min" in said


async def test_times_before_a_misfire_began_the_trigger_anew_are_those_of_before(works, ask):
    misfire = QuartzMisfire(Instruction.NOW_WITH_REMAINING)
    await works.add(trigger=every(HOUR, count=9), policies=Policies(misfire=misfire))
    await works.turn()
    await works.turn(2.5 * HOUR)
    assert (await ask(1800))[1].count("13:00:00") == 1
    assert "14:30:00" in (await ask(3 * HOUR))[1] and "15:30:00" in (await ask(3 * HOUR))[1]


async def test_a_deleted_task_is_told_by_the_clock_of_its_group(works, house, ask):
    spec = GroupSpec(zone=ZoneInfo("Asia/Shanghai"))
    group = GroupKey(namespace="default", name="group")
    await house.groups.put(group, lambda standing: spec, ALICE, NOON)
    await works.add(trigger=HOURLY)
    await works.tasks.delete(a_key(), ALICE)
    code, said = await ask(HOUR)
    assert code == "deleted" and "2026-03-04 20:00:00+08:00" in said
