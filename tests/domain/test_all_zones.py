"""Every zone there is, around its clock changes: all rules and shapes, against a walk over the instants.

The oracles are those of test_cron_dst: what the clock shows at each instant, and what the rule says of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from math import gcd
from random import Random
from zoneinfo import ZoneInfo, available_timezones

import pytest

from dispatchserver.domain.cron import CronExpression
from dispatchserver.domain.daychoice import EveryDays
from dispatchserver.domain.dayinterval import DayIntervalTrigger
from dispatchserver.domain.dst import DstRule
from dispatchserver.domain.trigger import CronTrigger
from dispatchserver.domain.windowtrigger import WindowTrigger
from tests.domain.test_cron_dst import Named, Times, exactly_once, literal, quartz, shown_at, skip

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86_400))
FIRST, LAST = datetime(1971, 1, 1, tzinfo=UTC), datetime(2037, 12, 31, tzinfo=UTC)
COARSE = 5 * DAY
PARTS = 8
AROUND = 3 * HOUR
ORACLES = {
    DstRule.EXACTLY_ONCE: exactly_once,
    DstRule.SKIP: skip,
    DstRule.LITERAL: literal,
    DstRule.QUARTZ: quartz,
}


def offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    found = moment.astimezone(zone).utcoffset()
    assert found is not None
    return found


def changes(zone: ZoneInfo, low: datetime, high: datetime) -> Iterator[datetime]:
    """The changes of the offset that are seen at steps of five days, the latest first."""
    while high > low:
        earlier = high - COARSE
        if offset(zone, earlier) != offset(zone, high):
            yield first_with(zone, earlier, high)
        high = earlier


def first_with(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second since which the clock has the offset that it has at `high`."""
    wanted = offset(zone, high)
    while high - low > SECOND:
        middle = low + (high - low) // 2 // SECOND * SECOND
        low, high = (low, middle) if offset(zone, middle) == wanted else (middle, high)
    return high


def chosen_changes(name: str) -> list[datetime]:
    """The last two changes, and one of any year; some moment where the clock has never been changed."""
    zone, random = ZoneInfo(name), Random(name)
    year = datetime(random.randint(FIRST.year, 2026), 12, 31, tzinfo=UTC)
    found = {*islice(changes(zone, FIRST, LAST), 2), *islice(changes(zone, FIRST, year), 1)}
    return sorted(found) or [year]


def instants_around(zone: ZoneInfo, change: datetime) -> Sequence[datetime]:
    """Every minute some hours around a change; finer where the clock is not ahead by whole minutes."""
    before, after = offset(zone, change - SECOND), offset(zone, change)
    seconds = [int(change.timestamp()), *(int(ahead.total_seconds()) for ahead in (before, after))]
    step = gcd(60, *seconds) * SECOND
    reach = (AROUND + abs(after - before)) // step
    return [change + n * step for n in range(-reach, reach)]


@dataclass(frozen=True)
class Grid:
    """Minutes of the day, on every n-th date from `first` on."""

    minutes: frozenset[int]
    rhythm: bool = False
    first: date = date(1970, 1, 1)
    days: int = 1

    def names(self, wall: datetime) -> bool:
        return (
            wall.second == 0
            and wall.hour * 60 + wall.minute in self.minutes
            and wall.date() >= self.first
            and (wall.date() - self.first).days % self.days == 0
        )


def cron_near(
    random: Random, zone: ZoneInfo, wall: datetime, rule: DstRule
) -> tuple[CronTrigger, Named]:
    hours = {(wall.hour + random.randint(-2, 2)) % 24 for _ in range(3)}
    minutes = {0, 30, random.randint(0, 59)} if random.random() < 0.5 else {random.randint(0, 59)}
    times = Times(
        minutes=frozenset(minutes),
        hours=frozenset(hours),
        weekdays=frozenset(range(7)),
        rhythm=random.random() < 0.3,
    )
    return CronTrigger(expression=CronExpression.parse(times.text), zone=zone, dst=rule), times


def window_near(
    random: Random, zone: ZoneInfo, wall: datetime, rule: DstRule
) -> tuple[WindowTrigger, Named]:
    opens = (wall.hour * 60 + wall.minute + random.randint(-180, 60)) % 1440
    step = random.choice([7, 20, 30, 60, 90])
    last = opens + random.randint(1, 1439)
    named = range(opens, last + 1, step)
    closes = last % 1440
    return WindowTrigger(
        days=EveryDays(1),
        opens=time(opens // 60, opens % 60),
        closes=time(closes // 60, closes % 60),
        every=step * MINUTE,
        start=FIRST,
        zone=zone,
        dst=rule,
    ), Grid(
        frozenset(minute % 1440 for minute in named),
        rhythm=len(named) > 1 and named[-1] + step >= opens + 1440,
    )


def days_near(
    random: Random, zone: ZoneInfo, wall: datetime, rule: DstRule
) -> tuple[DayIntervalTrigger, Named]:
    at = (wall.hour * 60 + wall.minute + random.randint(-90, 60)) % 1440
    first = wall.date() - random.randint(0, 3) * DAY
    days = random.randint(1, 2)
    trigger = DayIntervalTrigger(
        days=days, at=time(at // 60, at % 60), first_date=first, zone=zone, dst=rule
    )
    return trigger, Grid(frozenset({at}), first=first, days=days)


def is_told_plainly(trigger: object, rule: DstRule, gap: timedelta, wall: datetime) -> bool:
    """Whether the rule's words tell it all: what Quartz loses beyond a gap that is not an hour, or that ends
    a day, they do not.
    """
    if rule is not DstRule.QUARTZ or not isinstance(trigger, CronTrigger) or gap <= 0 * SECOND:
        return True
    return gap == HOUR and wall.hour < 21


@pytest.mark.parametrize("part", range(PARTS))
def test_every_zone_fires_as_its_clock_and_the_rule_say(part: int) -> None:
    zones = sorted(available_timezones())[part::PARTS]
    seen = compared = 0
    for name in zones:
        zone, random = ZoneInfo(name), Random(name)
        for change in chosen_changes(name):
            instants = instants_around(zone, change)
            shown = shown_at(zone, instants)
            gap = offset(zone, change) - offset(zone, change - SECOND)
            wall = change.astimezone(zone).replace(tzinfo=None) - max(gap, 0 * SECOND)
            seen += 1
            for rule, oracle in ORACLES.items():
                for near in (cron_near, window_near, days_near):
                    trigger, named = near(random, zone, wall, rule)
                    if not is_told_plainly(trigger, rule, gap, wall):
                        continue
                    expected = [moment.instant for moment in shown[1:] if oracle(named, moment)]
                    found = fires(trigger, instants[0], instants[-1])
                    assert found == expected, (name, change, trigger)
                    compared += len(shown)
    print(f"\n{len(zones)} zones, {seen} changes, {compared} instants compared")
    assert seen > len(zones) > 60


def fires(
    trigger: CronTrigger | WindowTrigger | DayIntervalTrigger, low: datetime, high: datetime
) -> list[datetime]:
    found, fire = [], trigger.next_after(low)
    while fire is not None and fire <= high:
        found.append(fire)
        fire = trigger.next_after(fire)
    assert all(earlier < later for earlier, later in pairwise(found))
    return found
