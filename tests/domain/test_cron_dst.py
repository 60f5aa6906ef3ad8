"""What the four rules make of clock changes: golden rows, and oracles that walk every minute."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Protocol
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dispatchserver.domain.cron import CronExpression, DstRule

NEW_YORK = "America/New_York"
MINUTE = timedelta(minutes=1)


def local_fires(text: str, zone: str, start: str, end: str, rule: DstRule) -> list[str]:
    """All fires from `start` to before `end` (both local), in local time with their offset."""
    expression, place, fires = CronExpression.parse(text), ZoneInfo(zone), []
    fire = expression.first_from(datetime.fromisoformat(start).replace(tzinfo=place), place, rule)
    until = datetime.fromisoformat(end).replace(tzinfo=place).astimezone(UTC)
    while fire and fire < until:
        fires.append(fire.astimezone(place).strftime("%d %H:%M %z"))
        fire = expression.next_after(fire, place, rule)
    return fires


def in_spring(text: str, rule: DstRule = DstRule.EXACTLY_ONCE) -> list[str]:
    """New York, 8 March 2026: 02:00 to 03:00 does not exist."""
    return local_fires(text, NEW_YORK, "2026-03-08T00:00", "2026-03-08T05:00", rule)


def in_autumn(text: str, rule: DstRule = DstRule.EXACTLY_ONCE) -> list[str]:
    """New York, 1 November 2026: 01:00 to 02:00 is shown twice."""
    return local_fires(text, NEW_YORK, "2026-11-01T00:00", "2026-11-01T03:00", rule)


def test_a_missing_local_time_fires_once_at_the_end_of_the_gap() -> None:
    assert in_spring("0 30 2 * * ?") == ["08 03:00 -0400"]
    assert in_spring("0 0 2 * * ?") == ["08 03:00 -0400"]


def test_several_missing_times_are_one_fire_at_the_end_of_the_gap() -> None:
    assert in_spring("0 15,45 2 * * ?") == ["08 03:00 -0400"]
    assert in_spring("* * 2 * * ?") == ["08 03:00 -0400"]


def test_a_missing_time_merges_with_one_named_at_the_end_of_the_gap() -> None:
    assert in_spring("0 0 2,3 * * ?") == ["08 03:00 -0400"]
    assert in_spring("0 0 3 * * ?") == ["08 03:00 -0400"]


def test_a_rhythm_makes_nothing_up_for_a_gap() -> None:
    assert in_spring("0 0 0/2 * * ?") == ["08 00:00 -0500", "08 04:00 -0400"]
    half_hours = in_spring("0 0/30 * * * ?")
    assert half_hours[3:5] == ["08 01:30 -0500", "08 03:00 -0400"]


def test_a_repeated_local_time_fires_once_in_the_first_pass() -> None:
    assert in_autumn("0 30 1 * * ?") == ["01 01:30 -0400"]


def test_a_rhythm_fires_in_both_passes() -> None:
    assert in_autumn("0 0/30 * * * ?")[2:] == [
        "01 01:00 -0400",
        "01 01:30 -0400",
        "01 01:00 -0500",
        "01 01:30 -0500",
        "01 02:00 -0500",
        "01 02:30 -0500",
    ]


def test_an_hourly_schedule_fires_twenty_five_times_on_the_long_day() -> None:
    day = ("2026-11-01T00:00", "2026-11-02T00:00", DstRule.EXACTLY_ONCE)
    for text in ("0 0 * * * ?", "0 0 0/1 * * ?", "0 0 0-23 * * ?"):
        assert len(local_fires(text, NEW_YORK, *day)) == 25


def test_a_list_or_a_range_of_hours_is_no_rhythm() -> None:
    for text in ("0 30 0/0,1 * * ?", "0 30 1-23/2 * * ?", "0 30 0-12 * * ?", "0 30 1/2 * * ?"):
        assert "01 01:30 -0500" not in in_autumn(text)


def test_a_gap_at_midnight_loses_no_daily_fire() -> None:
    row = ("Africa/Cairo", "2026-04-23T00:00", "2026-04-25T12:00")
    assert local_fires("0 0 0 * * ?", *row, DstRule.EXACTLY_ONCE) == [
        "23 00:00 +0200",
        "24 01:00 +0300",
        "25 00:00 +0300",
    ]
    assert local_fires("0 0 0 * * ?", *row, DstRule.QUARTZ) == ["23 00:00 +0200", "25 00:00 +0300"]


def test_a_day_that_a_zone_left_out_fires_when_the_next_one_begins() -> None:
    row = ("Pacific/Apia", "2011-12-29T00:00", "2011-12-31T23:00")
    noon = "0 0 12 * * ?"
    assert local_fires(noon, *row, DstRule.EXACTLY_ONCE) == [
        "29 12:00 -1000",
        "31 00:00 +1400",
        "31 12:00 +1400",
    ]
    for rule in (DstRule.SKIP, DstRule.LITERAL, DstRule.QUARTZ):
        assert local_fires(noon, *row, rule) == ["29 12:00 -1000", "31 12:00 +1400"]


def test_the_skip_rule_leaves_gaps_out_and_takes_first_passes() -> None:
    assert in_spring("0 30 2 * * ?", DstRule.SKIP) == []
    assert in_spring("0 30 2,3 * * ?", DstRule.SKIP) == ["08 03:30 -0400"]
    assert in_autumn("0 30 * * * ?", DstRule.SKIP) == [
        "01 00:30 -0400",
        "01 01:30 -0400",
        "01 02:30 -0500",
    ]


def test_the_literal_rule_takes_every_pass_and_no_gap() -> None:
    assert in_spring("0 30 2 * * ?", DstRule.LITERAL) == []
    assert in_autumn("0 30 1 * * ?", DstRule.LITERAL) == ["01 01:30 -0400", "01 01:30 -0500"]


def test_the_quartz_rule_takes_second_passes_and_no_gap() -> None:
    assert in_spring("0 30 2 * * ?", DstRule.QUARTZ) == []
    assert in_autumn("0 30 1 * * ?", DstRule.QUARTZ) == ["01 01:30 -0500"]


@pytest.mark.parametrize("rule", DstRule)
def test_every_fire_lies_after_the_moment_asked(rule: DstRule) -> None:
    place = ZoneInfo(NEW_YORK)
    every_second = CronExpression.parse("* * * * * ?")
    for second in range(0, 4 * 3600, 7):
        moment = datetime(2026, 11, 1, 4, tzinfo=UTC) + timedelta(seconds=second)
        fire = every_second.next_after(moment, place, rule)
        assert fire is not None and fire > moment


def test_fractions_of_a_second_count_to_the_second_they_lie_in() -> None:
    expression, utc = CronExpression.parse("* * * * * ?"), ZoneInfo("UTC")
    moment = datetime(2026, 1, 1, 0, 0, 5, 999_000, tzinfo=UTC)
    assert expression.first_from(moment, utc) == moment.replace(microsecond=0)
    assert expression.next_after(moment, utc) == moment.replace(second=6, microsecond=0)


def test_a_moment_without_a_zone_is_a_mistake_of_the_caller() -> None:
    naive = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(ValueError, match="time zone"):
        CronExpression.parse("* * * * * ?").next_after(naive, ZoneInfo("UTC"))


# The oracles: all minutes of some days around a clock change, and what the rule says of each.

CHANGES = [
    ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("Africa/Cairo", "2026-04-23T22:00"),
    ("Africa/Cairo", "2026-10-29T21:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("Asia/Shanghai", "2026-05-01T00:00"),
    ("America/Sao_Paulo", "2018-11-04T03:00"),
    ("America/Sao_Paulo", "2018-02-18T02:00"),
    ("Antarctica/Troll", "2026-03-29T01:00"),
]


@dataclass(frozen=True)
class Shown:
    """One minute: its instant, what the wall shows, and what the wall left out just before."""

    instant: datetime
    wall: datetime
    first_pass: bool
    last_pass: bool
    left_out: tuple[datetime, ...]


@cache
def minutes_around(zone: str, change: str) -> Sequence[Shown]:
    middle = datetime.fromisoformat(change).replace(tzinfo=UTC)
    return shown_at(ZoneInfo(zone), [middle + MINUTE * n for n in range(-36 * 60, 48 * 60)])


def shown_at(place: ZoneInfo, instants: Sequence[datetime]) -> Sequence[Shown]:
    """What the wall shows at each of these instants, which follow one another in even steps."""
    step = instants[1] - instants[0]
    walls = [instant.astimezone(place).replace(tzinfo=None, fold=0) for instant in instants]
    last = {wall: number for number, wall in enumerate(walls)}
    first = {wall: len(walls) - number for number, wall in enumerate(reversed(walls), 1)}
    shown = []
    for number, (instant, wall) in enumerate(zip(instants, walls, strict=True)):
        before = walls[number - 1] if number else wall - step
        left_out = tuple(before + step * n for n in range(1, (wall - before) // step))
        shown.append(Shown(instant, wall, first[wall] == number, last[wall] == number, left_out))
    return shown


@dataclass(frozen=True)
class Times:
    """Minutes and hours on some weekdays (0 = Sunday), and the expression that means them."""

    minutes: frozenset[int]
    hours: frozenset[int]
    weekdays: frozenset[int]
    rhythm: bool

    @property
    def text(self) -> str:
        minutes, hours, days = (
            ",".join(str(number) for number in sorted(numbers))
            for numbers in (self.minutes, self.hours, {day + 1 for day in self.weekdays})
        )
        return f"0 {minutes} {'*' if self.rhythm else hours} ? * {days}"

    def names(self, wall: datetime) -> bool:
        return (
            wall.second == 0
            and wall.minute in self.minutes
            and (self.rhythm or wall.hour in self.hours)
            and wall.isoweekday() % 7 in self.weekdays
        )


class Named(Protocol):
    """Says of every wall time whether it is meant, and whether that is meant as a rhythm."""

    @property
    def rhythm(self) -> bool: ...

    def names(self, wall: datetime) -> bool: ...


Oracle = Callable[[Named, Shown], bool]


def literal(times: Named, shown: Shown) -> bool:
    return times.names(shown.wall)


def skip(times: Named, shown: Shown) -> bool:
    return shown.first_pass and times.names(shown.wall)


def exactly_once(times: Named, shown: Shown) -> bool:
    if times.rhythm:
        return literal(times, shown)
    return skip(times, shown) or any(times.names(wall) for wall in shown.left_out)


def quartz(times: Named, shown: Shown) -> bool:
    return shown.last_pass and times.names(shown.wall)


def some(low: int, high: int, most: int) -> st.SearchStrategy[frozenset[int]]:
    return st.frozensets(st.integers(low, high), min_size=1, max_size=most)


TIMES = st.builds(
    Times,
    minutes=some(0, 59, 4) | st.just(frozenset({0, 30})),
    hours=some(0, 23, 4) | some(0, 4, 3),
    weekdays=some(0, 6, 7) | st.just(frozenset(range(7))),
    rhythm=st.booleans(),
)


def check(oracle: Oracle, rule: DstRule, times: Times, row: tuple[str, str], start: int) -> None:
    minutes = minutes_around(*row)
    asked = minutes[start].instant
    fire = CronExpression.parse(times.text).next_after(asked, ZoneInfo(row[0]), rule)
    expected = next((m.instant for m in minutes[start + 1 :] if oracle(times, m)), None)
    if expected is None:
        assert fire is not None and fire > minutes[-1].instant
    else:
        assert fire == expected, times.text


STARTS = st.integers(1, 80 * 60) | st.integers(34 * 60, 38 * 60)


@settings(max_examples=250, deadline=None)
@given(TIMES, st.sampled_from(CHANGES), STARTS)
def test_exactly_once_is_what_walking_the_minutes_finds(
    times: Times, row: tuple[str, str], start: int
) -> None:
    check(exactly_once, DstRule.EXACTLY_ONCE, times, row, start)


@settings(max_examples=150, deadline=None)
@given(TIMES, st.sampled_from(CHANGES), STARTS)
def test_skip_is_what_walking_the_minutes_finds(
    times: Times, row: tuple[str, str], start: int
) -> None:
    check(skip, DstRule.SKIP, times, row, start)


@settings(max_examples=150, deadline=None)
@given(TIMES, st.sampled_from(CHANGES), STARTS)
def test_literal_is_what_walking_the_minutes_finds(
    times: Times, row: tuple[str, str], start: int
) -> None:
    check(literal, DstRule.LITERAL, times, row, start)


FULL_HOUR_CHANGES = [
    row for row in CHANGES if row[0] not in ("Australia/Lord_Howe", "Antarctica/Troll")
]


@settings(max_examples=150, deadline=None)
@given(TIMES, st.sampled_from(FULL_HOUR_CHANGES), STARTS)
def test_quartz_is_the_last_pass_where_a_gap_is_a_full_hour(
    times: Times, row: tuple[str, str], start: int
) -> None:
    # asked in a first pass, Quartz takes the moment for the same wall time in the second one
    assume(minutes_around(*row)[start].last_pass)
    check(quartz, DstRule.QUARTZ, times, row, start)
