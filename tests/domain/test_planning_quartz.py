"""Quartz's misfire instructions under a calendar: the misfire fires at once, all else keeps to the days."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from dispatchserver.domain.calendar import Calendar, DateRange, Edition
from dispatchserver.domain.misfirepolicy import Instruction, QuartzMisfire
from dispatchserver.domain.planning import plan
from dispatchserver.domain.task import Policies, Restart
from tests.builders import a_task, cron, every

MONDAY = datetime(2026, 9, 28, 9, tzinfo=UTC)
DAY = timedelta(days=1)
HOLIDAY = DateRange(date(2026, 10, 1), date(2026, 10, 7))


def planned(trigger, instruction, now):
    policies = Policies(misfire=QuartzMisfire(instruction), calendar="CN")
    task = a_task(trigger, next_fire_at=MONDAY, policies=policies)
    edition = Edition("CN", 1, Calendar(weekdays=0, excluded=(HOLIDAY,), working=()))
    return plan(replace(task, edition=edition, spec_since=MONDAY), now, now)


def told(a_plan):
    return [(f"{fire.due_at:%m-%d %H}", str(fire.state), str(fire.reason)) for fire in a_plan.fires]


def test_a_misfire_is_made_up_at_once_and_the_next_fire_is_on_a_working_day():
    late = planned(cron("0 0 9 * * ?"), Instruction.FIRE_ONCE_NOW, MONDAY + 5.5 * DAY)
    assert told(late) == [("10-01 09", "skipped", "calendar"), ("10-03 21", "pending", "None")]
    assert late.next_fire_at == MONDAY + 10 * DAY


def test_what_is_left_out_has_its_row_beside_what_is_excluded():
    late = planned(cron("0 0 9 * * ?"), Instruction.DO_NOTHING, MONDAY + 11.5 * DAY)
    assert told(late) == [("10-01 09", "skipped", "calendar"), ("10-09 09", "skipped", "misfire")]
    assert late.next_fire_at == MONDAY + 12 * DAY


def test_a_restart_under_a_calendar_keeps_to_its_days():
    now = MONDAY + 2.5 * DAY
    late = planned(every(DAY, start=MONDAY, count=20), Instruction.NOW_WITH_EXISTING, now)
    assert told(late) == [("09-30 21", "pending", "None")]
    assert late.restart == Restart(at=now, count=20)
    assert late.next_fire_at == now + DAY
