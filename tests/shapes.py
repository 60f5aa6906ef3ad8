"""Triggers of every shape, for tests that must hold for all of them."""

from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from dispatchserver.domain.daychoice import every_days, monthly, weekly
from dispatchserver.domain.dayinterval import DayIntervalTrigger
from dispatchserver.domain.dst import DstRule
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.trigger import CronDialect, CronTrigger, SimpleTrigger, parse_cron
from dispatchserver.domain.uniontrigger import UnionTrigger
from dispatchserver.domain.windowtrigger import WindowTrigger
from tests.builders import NOON, UTC_ZONE, at, cron, every, once

BERLIN = ZoneInfo("Europe/Berlin")


def a_window(days=None, opens="08:00", closes="17:00", minutes=5, **more):
    """Every five minutes of every day from 08:00 to 17:00, or once a day with closes=None."""
    basis = {"start": NOON, "zone": UTC_ZONE}
    if closes:
        basis |= {"closes": time.fromisoformat(closes), "every": timedelta(minutes=minutes)}
    return WindowTrigger(
        days=days or every_days(1), opens=time.fromisoformat(opens), **(basis | more)
    )


def every_n_days(days=3, clock="09:00", first=date(2026, 3, 5), **more):
    basis = {"zone": UTC_ZONE}
    return DayIntervalTrigger(
        days=days, at=time.fromisoformat(clock), first_date=first, **(basis | more)
    )


def unix(text, zone="UTC", **more):
    return CronTrigger(expression=parse_cron(text, CronDialect.UNIX), zone=ZoneInfo(zone), **more)


def after_runs(seconds=600, *, first=NOON, end=None):
    return FixedDelayTrigger(delay=timedelta(seconds=seconds), first=first, end=end, zone=UTC_ZONE)


def union(*lines):
    return UnionTrigger(lines=lines)


SHAPES = {
    "once": once(at(5)),
    "counted": every(0.01, start=at(5), count=3, end=at(6)),
    "cron": cron("0/7 * * ? * MON-FRI", "Europe/Berlin", start=at(1), end=at(900_000)),
    "unix": unix("*/5 8-17 1,15 * 1-5", "Europe/Berlin", dst=DstRule.SKIP),
    "window": a_window(weekly(2, [1, 3, 7]), end=at(9_000_000), dst=DstRule.LITERAL),
    "once a day": a_window(monthly(3, [0, 1, 31]), closes=None, zone=BERLIN),
    "over midnight": a_window(opens="22:00:30", closes="02:00", minutes=90),
    "days": every_n_days(end=at(9_000_000), zone=BERLIN),
    "delay": after_runs(0.5, end=at(9_000_000)),
    "union": union(every(60), cron("0 0 9 * * ?"), a_window(), every_n_days(), unix("@daily")),
}

zones = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Shanghai"]).map(ZoneInfo)
moments = st.integers(0, 10**10).map(lambda n: at(n / 1000))
ends = st.none() | st.integers(10**10, 2 * 10**10).map(lambda n: at(n / 1000))
rules = st.sampled_from(DstRule)
clocks = st.builds(time, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
day_choices = st.one_of(
    st.integers(1, 3660).map(every_days),
    st.builds(weekly, st.integers(1, 520), st.sets(st.integers(1, 7), min_size=1)),
    st.builds(monthly, st.integers(1, 120), st.sets(st.integers(0, 31), min_size=1)),
)
simple = st.builds(
    SimpleTrigger,
    start=moments,
    interval=st.integers(10, 10**9).map(lambda n: timedelta(milliseconds=n)),
    count=st.none() | st.integers(1, 100),
    end=ends,
    zone=zones,
)
crons = st.builds(
    CronTrigger,
    expression=st.sampled_from([cron("0 0 12 ? * MON").expression, unix("0 9 * * 1-5").expression]),
    zone=zones,
    dst=rules,
    start=st.none() | moments,
    end=ends,
)
windows = st.builds(
    lambda grid, **more: WindowTrigger(**(more | grid)),
    grid=st.just({})
    | st.fixed_dictionaries(
        {"closes": clocks, "every": st.integers(1, 1440).map(lambda n: timedelta(minutes=n))}
    ),
    days=day_choices,
    opens=clocks,
    start=moments,
    end=ends,
    zone=zones,
    dst=rules,
)
day_intervals = st.builds(
    DayIntervalTrigger,
    days=st.integers(1, 3660),
    at=clocks,
    first_date=st.dates(date(2026, 1, 1), date(2030, 1, 1)),
    end=ends,
    zone=zones,
    dst=rules,
)
delays = st.builds(
    FixedDelayTrigger,
    delay=st.integers(1, 10**10).map(lambda n: timedelta(milliseconds=n)),
    first=moments,
    end=ends,
    zone=zones,
)
lines = simple | crons | windows | day_intervals
any_trigger = (
    lines
    | delays
    | st.lists(lines, min_size=1, max_size=20).map(lambda found: UnionTrigger(lines=tuple(found)))
)
