"""Several lines in one trigger, and the delay that is counted from completion."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchserver.domain.cron import CronExpression
from dispatchserver.domain.dayinterval import DayIntervalTrigger
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger
from dispatchserver.domain.triggers import upcoming
from dispatchserver.domain.uniontrigger import Line, UnionTrigger, check_union

UTC_ZONE = ZoneInfo("UTC")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def cron(text: str, end: datetime | None = None) -> CronTrigger:
    return CronTrigger(expression=CronExpression.parse(text), zone=UTC_ZONE, end=end)


def every(seconds: int, count: int | None = None, end: datetime | None = None) -> SimpleTrigger:
    return SimpleTrigger(start=NOON, interval=seconds * SECOND, count=count, end=end, zone=UTC_ZONE)


def test_it_fires_whenever_one_of_its_lines_does() -> None:
    union = check_union((cron("0 15 9 * * ?"), cron("0 45 13 ? * MON-FRI")))
    found = [fire.strftime("%d %H:%M") for fire in upcoming(union, NOON, 4)]
    assert found == ["02 13:45", "03 09:15", "03 13:45", "04 09:15"]


def test_lines_that_meet_make_one_fire() -> None:
    daily = DayIntervalTrigger(days=1, at=time(9), first_date=date(2026, 3, 1), zone=UTC_ZONE)
    union = check_union((cron("0 0 9 * * ?"), daily))
    assert len({*upcoming(union, NOON, 5)}) == len(upcoming(union, NOON, 5)) == 5


def test_it_ends_when_all_its_lines_have() -> None:
    early, late = NOON + 9 * SECOND, NOON + 60 * SECOND
    assert check_union((every(1, end=early), every(2, end=late))).end == late
    assert check_union((every(1, end=early), every(2))).end is None
    assert upcoming(check_union((every(1, 2), every(2, 1))), NOON, 9) == [NOON + SECOND]


def test_each_line_is_anchored_for_itself() -> None:
    now = NOON + 3600 * SECOND
    union = check_union((every(7, 3), cron("0 0 9 * * ?"))).anchored(now)
    assert union.next_after(now - SECOND) == now


def test_none_and_too_many_and_doubles_are_refused() -> None:
    lines = [every(n) for n in range(1, 22)]
    for chosen in ([], lines, [lines[0], lines[0]]):
        with pytest.raises(Invalid):
            check_union(tuple(chosen))
    assert check_union(tuple(lines[:20]))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5, unique=True), st.integers(0, 500))
def test_a_union_is_the_sorted_set_of_what_its_lines_fire(steps: list[int], after: int) -> None:
    lines: tuple[Line, ...] = tuple(every(step) for step in steps)
    union, moment = UnionTrigger(lines=lines), NOON + after * SECOND
    each = {fire for line in lines for fire in upcoming(line, moment, 20)}
    assert upcoming(union, moment, 20) == sorted(each)[:20]


def a_delay(end: datetime | None = None) -> FixedDelayTrigger:
    return FixedDelayTrigger(delay=30 * SECOND, first=NOON, end=end, zone=UTC_ZONE)


def test_only_the_first_fire_is_known_beforehand() -> None:
    assert upcoming(a_delay(), NOON - SECOND, 5) == [NOON]
    assert a_delay().next_after(NOON) is None


def test_the_delay_is_counted_from_the_completion() -> None:
    assert a_delay().after_completion(NOON + 100 * SECOND) == NOON + 130 * SECOND


def test_no_fire_follows_past_the_end() -> None:
    trigger = a_delay(end=NOON + 60 * SECOND)
    assert trigger.after_completion(NOON + 30 * SECOND) == NOON + 60 * SECOND
    assert trigger.after_completion(NOON + 31 * SECOND) is None


def test_a_first_fire_in_the_past_is_due_now() -> None:
    assert a_delay().anchored(NOON + SECOND).first == NOON + SECOND
    assert a_delay().anchored(NOON - SECOND).first == NOON
