"""The window trigger: the documented cases, days and months, and an oracle that walks every minute."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchserver.domain.daychoice import DayChoice, EveryDays, every_days, monthly, weekly
from dispatchserver.domain.dst import DstRule
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.triggers import upcoming
from dispatchserver.domain.windowtrigger import WindowTrigger, check_window, read_clock
from dispatchserver.messages import LANGUAGES, say_error

SHANGHAI = ZoneInfo("Asia/Shanghai")
MINUTE = timedelta(minutes=1)
EVERY_DAY = EveryDays(1)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def a_window(
    opens: str = "08:00",
    closes: str | None = "17:00",
    minutes: int | None = 60,
    start: str = "2026-03-02 00:00",
    end: str | None = None,
    days: DayChoice = EVERY_DAY,
    zone: ZoneInfo = SHANGHAI,
    dst: DstRule = DstRule.EXACTLY_ONCE,
) -> WindowTrigger:
    return WindowTrigger(
        days=days,
        opens=read_clock(opens),
        closes=None if closes is None else read_clock(closes),
        every=None if minutes is None else timedelta(minutes=minutes),
        start=at(start, zone),
        end=None if end is None else at(end, zone),
        zone=zone,
        dst=dst,
    )


def fires(trigger: WindowTrigger, count: int = 5, after: str | None = None) -> list[str]:
    moment = trigger.start - MILLISECOND if after is None else at(after, trigger.zone)
    return [
        fire.astimezone(trigger.zone).strftime("%m-%d %H:%M")
        for fire in upcoming(trigger, moment, count)
    ]


def test_the_grid_hangs_on_the_window_and_not_on_the_start() -> None:
    case_a = a_window("08:00", "16:55", 5, "2026-03-02 16:22", "2026-03-02 17:00")
    assert fires(case_a, 99) == [f"03-02 16:{minute}" for minute in range(25, 60, 5)]


def test_a_window_that_opens_after_the_start_fires_first_when_it_opens_and_last_at_the_end() -> (
    None
):
    case_b = a_window("16:30", "16:55", 5, "2026-03-02 16:22", "2026-03-02 16:50")
    assert fires(case_b, 99) == [f"03-02 16:{minute}" for minute in range(30, 55, 5)]


def test_start_and_end_both_count() -> None:
    trigger = a_window("08:00", "17:00", 60, "2026-03-02 16:00", "2026-03-03 09:00")
    assert fires(trigger, 99) == ["03-02 16:00", "03-02 17:00", "03-03 08:00", "03-03 09:00"]


def test_a_step_that_does_not_meet_the_closing_ends_before_it() -> None:
    assert fires(a_window("08:00", "17:00", 240), 4) == [
        *("03-02 08:00", "03-02 12:00", "03-02 16:00"),
        "03-03 08:00",
    ]


def test_a_window_over_midnight_belongs_to_the_day_it_opens_on() -> None:
    fridays = a_window("22:00", "02:00", 120, days=weekly(1, [5]))
    assert fires(fridays, 4) == ["03-06 22:00", "03-07 00:00", "03-07 02:00", "03-13 22:00"]


def test_a_start_inside_a_window_over_midnight_counts_that_window() -> None:
    trigger = a_window("22:00", "02:00", 60, "2026-03-02 00:30", days=EveryDays(2))
    assert fires(trigger, 3) == ["03-02 01:00", "03-02 02:00", "03-03 22:00"]


def test_once_a_day() -> None:
    trigger = a_window("09:30", None, None, "2026-03-02 09:31", days=every_days(3))
    assert fires(trigger, 3) == ["03-05 09:30", "03-08 09:30", "03-11 09:30"]


def test_every_nth_day_is_counted_from_the_start_s_date() -> None:
    trigger = a_window("09:00", None, None, "2026-03-02 09:00", days=every_days(10))
    assert fires(trigger, 3) == ["03-02 09:00", "03-12 09:00", "03-22 09:00"]
    assert fires(trigger, 1, after="2036-03-02 00:00") == ["03-09 09:00"]


def test_weekdays_of_every_second_week_are_counted_from_the_start_s_week() -> None:
    trigger = a_window("09:00", None, None, "2026-03-04 00:00", days=weekly(2, [1, 3, 7]))
    assert fires(trigger, 5) == [
        *("03-04 09:00", "03-08 09:00"),
        *("03-16 09:00", "03-18 09:00", "03-22 09:00"),
    ]


def test_days_of_the_month_and_the_last_one() -> None:
    trigger = a_window("09:00", None, None, "2026-01-15 00:00", days=monthly(1, [0, 30, 31]))
    assert fires(trigger, 6) == [
        *("01-30 09:00", "01-31 09:00", "02-28 09:00"),
        *("03-30 09:00", "03-31 09:00", "04-30 09:00"),
    ]


def test_days_of_every_third_month() -> None:
    trigger = a_window("09:00", None, None, "2026-01-31 10:00", days=monthly(3, [31]))
    assert fires(trigger, 3) == ["07-31 09:00", "10-31 09:00", "01-31 09:00"]


def test_a_leap_day_every_year_is_found() -> None:
    trigger = a_window("09:00", None, None, "2026-02-01 00:00", days=monthly(12, [29]))
    assert upcoming(trigger, trigger.start, 1) == [at("2028-02-29 09:00")]


def test_a_time_left_out_fires_at_the_end_of_the_gap_and_one_shown_twice_only_once() -> None:
    new_york = ZoneInfo("America/New_York")
    spring = a_window("01:30", "03:30", 30, "2026-03-08 00:00", zone=new_york)
    assert fires(spring, 4) == ["03-08 01:30", "03-08 03:00", "03-08 03:30", "03-09 01:30"]
    autumn = a_window("00:30", "02:00", 30, "2026-11-01 00:00", zone=new_york)
    assert fires(autumn, 5) == [
        *("11-01 00:30", "11-01 01:00", "11-01 01:30", "11-01 02:00"),
        "11-02 00:30",
    ]


def test_a_grid_round_the_clock_keeps_its_rhythm_when_clocks_change() -> None:
    new_york = ZoneInfo("America/New_York")
    rhythm = a_window("00:00", "23:30", 30, "2026-11-01 00:00", "2026-11-01 23:59", zone=new_york)
    assert len(fires(rhythm, 99)) == 50


def test_a_day_that_begins_twice_is_told_in_the_order_of_its_instants() -> None:
    st_johns = ZoneInfo("America/St_Johns")  # 7 November 2010: 00:01 to 23:01 of the day before
    rhythm = a_window("00:00", "23:30", 30, "2010-11-06 22:45", zone=st_johns)
    assert fires(rhythm, 5) == [
        *("11-06 23:00", "11-06 23:30", "11-07 00:00"),
        *("11-06 23:30", "11-07 00:00"),
    ]


def invalid(trigger: WindowTrigger) -> str:
    with pytest.raises(Invalid) as caught:
        check_window(trigger)
    for lang in LANGUAGES:
        assert say_error(lang, caught.value) != caught.value.code
    return caught.value.code.removeprefix("trigger.window_")


def test_what_can_never_fire_is_refused() -> None:
    assert invalid(a_window(minutes=0)) == "step"
    assert invalid(a_window(minutes=1441)) == "step"
    assert invalid(a_window(minutes=None)) == "shape"
    assert invalid(a_window(closes=None)) == "shape"
    assert invalid(a_window("08:00", "08:00")) == "closed"
    assert invalid(a_window(end="2026-03-01 23:59")) == "ends_early"
    assert invalid(a_window(start="2026-03-02 17:01", end="2026-03-03 07:59")) == "empty"
    assert invalid(a_window(start="2026-02-01 00:00", days=monthly(12, [30, 31]))) == "empty"


def test_a_fraction_of_a_minute_is_no_step() -> None:
    trigger = WindowTrigger(
        days=EveryDays(1),
        opens=time(8),
        closes=time(9),
        every=timedelta(seconds=90),
        start=at("2026-03-02"),
        zone=SHANGHAI,
    )
    assert invalid(trigger) == "step"


def test_what_keeps_the_rules_is_taken() -> None:
    for trigger in (a_window(), a_window("09:00", None, None), a_window("22:00", "02:00", 10)):
        assert check_window(trigger) is trigger


@pytest.mark.parametrize(
    "text", ["24:00", "8", "08:60", "08:00:60", "", "８:00", "08:00 pm", "-1:00"]
)
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read_clock(text)


def test_days_that_cannot_be_chosen_are_refused() -> None:
    for every in (0, -1, 3661):
        with pytest.raises(Invalid):
            every_days(every)
    for weekdays in ([], [0], [8]):
        with pytest.raises(Invalid):
            weekly(1, weekdays)
    for days in ([], [-1], [32]):
        with pytest.raises(Invalid):
            monthly(1, days)


# A handful of zones around their changes: ordinary, half an hour, over midnight, a day left out.
CHANGES = [
    ("America/New_York", "2026-03-07"),
    ("America/New_York", "2026-10-31"),
    ("Australia/Lord_Howe", "2026-04-04"),
    ("Australia/Lord_Howe", "2026-10-03"),
    ("Africa/Cairo", "2026-04-23"),
    ("Africa/Cairo", "2026-10-29"),
    ("America/Sao_Paulo", "2018-02-17"),
    ("America/Sao_Paulo", "2018-11-03"),
    ("America/Havana", "2026-10-31"),
    ("America/Nuuk", "2024-10-26"),
    ("America/St_Johns", "2010-03-13"),
    ("America/St_Johns", "2010-11-06"),
    ("Pacific/Apia", "2011-12-29"),
    ("Asia/Shanghai", "2026-05-01"),
]


def oracle(trigger: WindowTrigger, low: datetime, high: datetime) -> Iterator[datetime]:
    """Every fire from `low` to before `high`, found by looking at the clock every minute."""
    rule = trigger.dst
    if rule is DstRule.EXACTLY_ONCE and trigger.times.is_rhythm:
        rule = DstRule.LITERAL
    while low < high:
        local, minute_ago = low.astimezone(trigger.zone), (low - MINUTE).astimezone(trigger.zone)
        wall, last = local.replace(tzinfo=None, fold=0), minute_ago.replace(tzinfo=None, fold=0)
        shown_again = local.replace(fold=1).utcoffset() != local.replace(fold=0).utcoffset()
        allowed = {
            DstRule.LITERAL: True,
            DstRule.QUARTZ: not shown_again or local.fold == 1,
        }.get(rule, local.fold == 0)
        left_out = rule is DstRule.EXACTLY_ONCE and any(
            names(trigger, last + n * MINUTE) for n in range(1, (wall - last) // MINUTE)
        )
        if (allowed and names(trigger, wall)) or left_out:
            yield low
        low += MINUTE


def names(trigger: WindowTrigger, wall: datetime) -> bool:
    """Whether the window's grid has this wall time."""
    opens = datetime.combine(wall.date(), trigger.opens)
    step = trigger.every or timedelta(days=9)
    closes = datetime.combine(wall.date(), trigger.closes or trigger.opens)
    closes += timedelta(days=closes < opens)
    for days in (0, 1):
        back = timedelta(days=days)
        if opens - back <= wall <= closes - back and (wall - opens + back) % step == timedelta(0):
            return chosen(trigger, wall.date() - back)
    return False


def chosen(trigger: WindowTrigger, day: date) -> bool:
    start = trigger.start.astimezone(trigger.zone)
    over_midnight = trigger.closes is not None and trigger.closes < trigger.opens
    was_open = over_midnight and trigger.closes is not None and start.time() <= trigger.closes
    first = start.date() - timedelta(days=was_open)
    assert isinstance(trigger.days, EveryDays)
    return day >= first and (day - first).days % trigger.days.every == 0


@st.composite
def windows(draw: st.DrawFn) -> WindowTrigger:
    name, day = draw(st.sampled_from(CHANGES))
    zone = ZoneInfo(name)
    opens, closes = draw(st.integers(0, 1439)), draw(st.integers(0, 1439))
    once = draw(st.booleans()) or opens == closes
    return WindowTrigger(
        days=EveryDays(draw(st.integers(1, 2))),
        opens=time(opens // 60, opens % 60),
        closes=None if once else time(closes // 60, closes % 60),
        every=None if once else draw(st.sampled_from([1, 7, 15, 20, 30, 60, 90, 720])) * MINUTE,
        start=at(day, zone) - draw(st.integers(0, 2)) * timedelta(days=1),
        zone=zone,
        dst=draw(st.sampled_from(DstRule)),
    )


@given(windows())
@settings(max_examples=250, deadline=None)
def test_a_window_fires_when_a_walk_over_every_minute_says_so(trigger: WindowTrigger) -> None:
    low = trigger.start + timedelta(days=1)
    high = low + timedelta(days=3, hours=12)
    found = []
    fire = trigger.next_after(low - MILLISECOND)
    while fire is not None and fire < high:
        found.append(fire)
        fire = trigger.next_after(fire)
    assert found == [fire for fire in oracle(trigger, low, high) if fire >= low]


@given(
    st.sampled_from([weekly(2, [1, 5]), weekly(3, [7]), monthly(2, [0, 15]), monthly(1, [29, 30])]),
    st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    st.integers(0, 500),
)
def test_a_chosen_date_is_found_from_anywhere_before_it(
    days: DayChoice, first: date, ahead: int
) -> None:
    asked = first + timedelta(days=ahead)
    found = days.from_date(asked, first)
    assert found is not None and found >= asked
    assert days.from_date(found, first) == found
    walked: date | None = first
    while (walked := days.from_date(walked, first)) and walked < asked:
        walked += timedelta(days=1)
    assert walked == found
