"""The three policies over missed occasions, against a walk; and that a year's outage costs nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchserver.domain.cron import CronExpression
from dispatchserver.domain.daychoice import EveryDays
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.misfire import Settlement, settle
from dispatchserver.domain.misfirepolicy import (
    FireAll,
    FireOnce,
    Instruction,
    QuartzMisfire,
    SkipMissed,
    check_fire_all,
    check_misfire,
    find_instruction,
)
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.occasions import Fires, backwards, newest
from dispatchserver.domain.quartzmisfire import settle_as_quartz
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger
from dispatchserver.domain.triggers import Trigger
from dispatchserver.domain.uniontrigger import UnionTrigger
from dispatchserver.domain.windowtrigger import WindowTrigger
from dispatchserver.messages import LANGUAGES, say_error
from tests.shapes import SHAPES

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
SECOND, HOUR, YEAR = timedelta(seconds=1), timedelta(hours=1), timedelta(days=365)


def cron(text: str) -> CronTrigger:
    return CronTrigger(expression=CronExpression.parse(text), zone=SHANGHAI)


def every(step: timedelta, count: int | None = None, end: datetime | None = None) -> SimpleTrigger:
    return SimpleTrigger(start=NOON, interval=step, count=count, end=end, zone=SHANGHAI)


def a_window() -> WindowTrigger:
    return WindowTrigger(
        days=EveryDays(1),
        opens=time(8),
        closes=time(17),
        every=HOUR,
        start=NOON,
        zone=SHANGHAI,
    )


def first_of(trigger: Fires) -> datetime:
    first = trigger.next_after(NOON - MILLISECOND)
    assert first is not None
    return first


def hours(settlement: Settlement) -> list[float]:
    return [(fire.due_at - NOON) / HOUR for fire in settlement.fires]


def test_fire_once_takes_the_newest_and_carries_the_others() -> None:
    settled = settle(every(HOUR), NOON, NOON + 5.5 * HOUR, FireOnce())
    assert hours(settled) == [5]
    assert settled.unserved is not None
    assert (settled.unserved.first, settled.unserved.last) == (NOON, NOON + 4 * HOUR)
    assert settled.unserved.count == 5
    assert settled.next_due == NOON + 6 * HOUR


def test_skip_leaves_one_run() -> None:
    settled = settle(every(HOUR), NOON, NOON + 5 * HOUR, SkipMissed())
    assert settled.fires == ()
    assert settled.unserved is not None and settled.unserved.count == 6
    assert settled.next_due == NOON + 6 * HOUR


def test_fire_all_takes_the_newest_few_in_order_and_apart() -> None:
    now = NOON + 9.5 * HOUR
    settled = settle(every(HOUR), NOON, now, FireAll(limit=3, spacing=SECOND))
    assert hours(settled) == [7, 8, 9]
    assert [fire.run_at - now for fire in settled.fires] == [0 * SECOND, SECOND, 2 * SECOND]
    assert settled.unserved is not None and settled.unserved.count == 7


def test_one_missed_occasion_leaves_no_run() -> None:
    for policy in (FireOnce(), FireAll()):
        settled = settle(every(HOUR), NOON, NOON + HOUR / 2, policy)
        assert hours(settled) == [0]
        assert settled.unserved is None


def test_a_counted_trigger_never_fires_more_than_its_count() -> None:
    settled = settle(every(HOUR, count=4), NOON, NOON + YEAR, FireAll())
    assert hours(settled) == [0, 1, 2, 3]
    assert settled.next_due is None


def triggers() -> list[Fires]:
    lines = (every(2 * HOUR), cron("0 30 9 * * ?"))
    return [
        every(HOUR),
        every(90 * SECOND, count=700),
        every(HOUR, end=NOON + 100 * HOUR),
        cron("0 0/17 * * * ?"),
        cron("0 0 12 15 * ?"),
        a_window(),
        UnionTrigger(lines=lines),
    ]


@given(
    st.sampled_from(triggers()),
    st.integers(0, 40 * 24 * 60),
    st.sampled_from([FireOnce(), SkipMissed(), FireAll(limit=1), FireAll(limit=7), FireAll()]),
)
@settings(max_examples=250, deadline=None)
def test_what_is_settled_is_what_a_walk_finds(
    trigger: Fires, minutes: int, policy: FireOnce | SkipMissed | FireAll
) -> None:
    first = first_of(trigger)
    now = first + minutes * timedelta(minutes=1)
    walked, following = [first], trigger.next_after(first)
    while following is not None and following <= now:
        walked.append(following)
        following = trigger.next_after(following)
    settled = settle(trigger, first, now, policy)
    kept = {FireOnce: 1, SkipMissed: 0}.get(type(policy)) if type(policy) is not FireAll else 0
    kept = policy.limit if isinstance(policy, FireAll) else kept
    fired = walked[len(walked) - min(kept or 0, len(walked)) :]
    others = walked[: len(walked) - len(fired)]
    assert [fire.due_at for fire in settled.fires] == fired
    assert settled.next_due == following
    assert (settled.unserved is None) == (not others)
    if settled.unserved is not None:
        assert (settled.unserved.first, settled.unserved.last) == (others[0], others[-1])
        assert settled.unserved.count in (len(others), None)
        assert settled.unserved.count is not None or len(others) > 100


@pytest.mark.parametrize("policy", [FireOnce(), SkipMissed(), FireAll()])
@pytest.mark.parametrize(
    ("trigger", "each"),
    [
        (every(SECOND), 0.02),
        (cron("* * * * * ?"), 0.05),
        (cron("0 0 2 ? * MON-FRI"), 0.05),
        (cron("0 0 0 29 2 ?"), 0.05),
        (a_window(), 0.1),
    ],
)
def test_an_outage_of_a_year_is_settled_at_once(
    trigger: Fires, each: float, policy: FireOnce | SkipMissed | FireAll
) -> None:
    first, runs = first_of(trigger), 5
    begun = perf_counter()
    for _ in range(runs):
        settled = settle(trigger, first, first + YEAR, policy)
    print(f"\n{(perf_counter() - begun) / runs * 1e6:.0f} µs a task")
    assert perf_counter() - begun < each * runs
    assert settled.next_due is None or settled.next_due > first + YEAR


def test_looking_back_gives_every_occasion_in_turn() -> None:
    for trigger in triggers():
        first = first_of(trigger)
        last = newest(trigger, first, first + 3 * 24 * HOUR)
        walked, following = [], trigger.next_after(first - MILLISECOND)
        while following is not None and following <= last:
            walked.append(following)
            following = trigger.next_after(following)
        assert list(backwards(trigger, last, first)) == walked[::-1]


def test_smart_means_what_quartz_means() -> None:
    now = NOON + 2.5 * HOUR

    def smart(count: int | None) -> tuple[bool, Trigger]:
        found = settle_as_quartz(every(HOUR, count), Instruction.SMART_POLICY, NOON + HOUR, now)
        return found.fires_now, found.trigger

    assert smart(None) == (False, every(HOUR))
    assert smart(5) == (True, replace(every(HOUR, 4), start=now))
    assert smart(1) == (True, every(HOUR, 1))


@pytest.mark.parametrize(
    ("late", "grace", "missed"),
    [(59.999, 60, False), (60, 60, True), (0.001, 0, True), (0, 0, False), (-1, 0, False)],
)
def test_late_by_its_grace_is_missed_under_quartz(late: float, grace: float, missed: bool) -> None:
    now, span = NOON + late * SECOND, grace * SECOND
    assert QuartzMisfire(Instruction.DO_NOTHING).is_missed(NOON, now, span) is missed
    assert not QuartzMisfire(Instruction.IGNORE).is_missed(NOON, now + YEAR, span)


def test_instructions_are_known_by_name_and_by_constant_in_any_case() -> None:
    for text in ("fire_now", " MISFIRE_INSTRUCTION_FIRE_NOW ", "Fire_Now"):
        assert find_instruction(text) is Instruction.FIRE_NOW
    assert find_instruction("fire_once") is None


def refuses(act: Callable[[], object], code: str) -> None:
    with pytest.raises(Invalid) as caught:
        act()
    assert caught.value.code == f"trigger.{code}"
    for lang in LANGUAGES:
        assert say_error(lang, caught.value) != caught.value.code


def test_what_is_no_policy_is_refused() -> None:
    refuses(lambda: check_fire_all(0, SECOND), "misfire_limit")
    refuses(lambda: check_fire_all(101, SECOND), "misfire_limit")
    refuses(lambda: check_fire_all(1, -SECOND), "misfire_spacing")
    refuses(lambda: check_fire_all(1, 2 * HOUR), "misfire_spacing")
    assert check_fire_all(100, 0 * SECOND).limit == 100


@pytest.mark.parametrize("shape", SHAPES)
def test_an_instruction_goes_only_with_the_kinds_that_quartz_has_it_for(shape: str) -> None:
    kind = {"simple": {"FIRE_NOW"}, "cron": {"DO_NOTHING"}}.get(SHAPES[shape].kind, set())
    for name in ("FIRE_NOW", "DO_NOTHING"):
        policy = QuartzMisfire(Instruction(name))
        if name in kind:
            check_misfire(policy, SHAPES[shape])
        else:
            refuses(lambda policy=policy: check_misfire(policy, SHAPES[shape]), "misfire_kind")  # type: ignore[misc]
    check_misfire(FireAll(), SHAPES[shape])
