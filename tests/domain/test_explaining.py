"""Whether an explanation counts right and warns of what will happen, measured against the fires themselves."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest

from dispatchserver.domain.counting import LONGEST_WALK, Count, fires_between
from dispatchserver.domain.cron import CronExpression, DstRule
from dispatchserver.domain.explaining import MOST_FIRES, explain
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger
from dispatchserver.domain.uniontrigger import UnionTrigger
from dispatchserver.wording import say_notice

DATA = Path(__file__).parent.parent / "data"
UTC_ZONE, NEW_YORK = ZoneInfo("UTC"), ZoneInfo("America/New_York")
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


def a_cron(text, zone=UTC_ZONE, dst=DstRule.EXACTLY_ONCE, **bounds):
    return CronTrigger(expression=CronExpression.parse(text), zone=zone, dst=dst, **bounds)


def vectors() -> Iterator[dict]:
    for line in gzip.decompress((DATA / "quartz_vectors.jsonl.gz").read_bytes()).splitlines():
        vector = json.loads(line)
        if not vector.get("loose") and vector.get("fires"):
            yield vector


def instants(vector) -> list[datetime]:
    return [datetime.fromisoformat(fire) for fire in vector["fires"]]


def walked(trigger, after, until) -> int:
    count, fire = 0, trigger.next_after(after)
    while fire is not None and fire <= until:
        count, fire = count + 1, trigger.next_after(fire)
    return count


def notices(trigger, lang="en", now=NOW, count=10) -> list[str]:
    return [
        say_notice(notice, trigger.zone, lang) for notice in explain(trigger, now, count).notices
    ]


# Counting


def test_the_fires_up_to_the_last_recorded_one_are_counted_as_many_as_were_recorded():
    counted = 0
    for vector in vectors():
        fires = instants(vector)
        trigger = a_cron(vector["expr"], ZoneInfo(vector["tz"]), DstRule.QUARTZ)
        before = datetime.fromisoformat(vector["start"]).replace(microsecond=0) - SECOND
        assert fires_between(trigger, before, fires[-1]) == Count(len(fires)), vector
        counted += 1
    print(f"\n{counted} vectors have as many fires as are counted")
    assert counted > 4_000


CHANGES = [
    ("America/New_York", datetime(2026, 3, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 10, 31, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 4, 23, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 10, 28, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 2, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 3, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 2, 16, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 11, 3, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 29, tzinfo=UTC)),
    ("Asia/Shanghai", datetime(2026, 3, 7, tzinfo=UTC)),
]
TEXTS = [
    "0 30 2 * * ?",
    "0 0 2,3 * * ?",
    "0 0/20 * * * ?",
    "0 0 0/2 * * ?",
    "0 10,35 1-3 * * ?",
    "0 0 0 * * ?",
    "0 15,45 0-2 * * ?",
    "59 59 23 * * ?",
    "0 */7 22-2 ? * SAT-SUN",
    "0 0 12 31W * ?",
]


@pytest.mark.parametrize("rule", DstRule)
@pytest.mark.parametrize(("zone", "start"), CHANGES)
def test_a_count_over_a_clock_change_is_what_walking_from_fire_to_fire_gives(zone, start, rule):
    for text in TEXTS:
        trigger = a_cron(text, ZoneInfo(zone), rule)
        for hours in range(0, 72, 9):
            after = start + timedelta(hours=hours, minutes=17, milliseconds=3)
            until = start + 3 * DAY
            expected = walked(trigger, after, until)
            assert fires_between(trigger, after, until) == Count(expected), (text, after)


@pytest.mark.parametrize(
    ("bounds", "number"),
    [
        ({}, 240),
        ({"start": NOW + 5 * DAY}, 121),
        ({"end": NOW + 5 * DAY}, 120),
        ({"end": NOW + 5 * DAY - SECOND}, 119),
        ({"start": NOW + DAY, "end": NOW + 2 * DAY}, 25),
        ({"start": NOW + 20 * DAY}, 0),
        ({"end": NOW - DAY}, 0),
    ],
)
def test_start_and_end_count_as_the_trigger_counts_them(bounds, number):
    trigger = a_cron("0 0 * * * ?", **bounds)
    assert fires_between(trigger, NOW, NOW + 10 * DAY) == Count(number)


@pytest.mark.parametrize("seconds", [None, 7, 0.25])
@pytest.mark.parametrize("count", [None, 1, 100])
@pytest.mark.parametrize("end", [None, -5, 70, 71])
@pytest.mark.parametrize("after", [-10, 0, 33])
def test_the_fires_of_a_simple_trigger_are_reckoned_as_walked(seconds, count, end, after):
    trigger = SimpleTrigger(
        start=NOW,
        interval=None if seconds is None else timedelta(seconds=seconds),
        count=count,
        end=None if end is None else NOW + timedelta(seconds=end),
        zone=UTC_ZONE,
    )
    span = NOW + after * SECOND, NOW + 150 * SECOND
    assert fires_between(trigger, *span) == Count(walked(trigger, *span))


@dataclass(frozen=True)
class Every:
    """A trigger shape that nobody wrote arithmetic for."""

    step: timedelta

    def next_after(self, moment: datetime) -> datetime | None:
        return moment + self.step


def test_a_shape_without_arithmetic_is_walked_but_not_for_ever():
    assert fires_between(Every(DAY), NOW, NOW + 9 * DAY) == Count(9)
    assert fires_between(Every(SECOND), NOW, NOW + DAY) == Count(LONGEST_WALK, exact=False)


# Explaining


def test_an_explanation_lists_the_next_fires_and_counts_the_day_and_the_year():
    found = explain(a_cron("0 15 9,13 ? * MON-FRI"), NOW, 3)
    assert [fire.isoformat() for fire in found.fires] == [
        "2026-01-15T13:15:00+00:00",
        "2026-01-16T09:15:00+00:00",
        "2026-01-16T13:15:00+00:00",
    ]
    assert (found.per_day, found.per_year, found.notices) == (Count(2), Count(522), ())


def test_a_simple_trigger_is_explained_too():
    trigger = SimpleTrigger(start=NOW, interval=timedelta(hours=6), count=None, zone=UTC_ZONE)
    found = explain(trigger, NOW, 2)
    assert found.fires == (NOW + timedelta(hours=6), NOW + timedelta(hours=12))
    assert (found.per_day, found.per_year) == (Count(4), Count(1460))


def test_a_trigger_that_has_fired_its_last_says_only_that():
    trigger = SimpleTrigger(start=NOW - DAY, zone=UTC_ZONE)
    assert notices(trigger) == ["it never fires again"]
    assert explain(trigger, NOW, 5).per_day == Count(0)


def test_repeats_that_are_all_to_come_need_no_warning_of_their_end():
    trigger = SimpleTrigger(start=NOW + DAY, interval=DAY, count=3, zone=UTC_ZONE)
    assert notices(trigger) == []
    assert explain(trigger, NOW + DAY, 10).notices[0].code == "ends_soon"


def test_many_fires_are_no_few_however_many_are_asked_for():
    assert notices(a_cron("0 0 0 * * ? 2026"), count=1000) == []


def test_asking_for_no_fires_warns_of_none_missing():
    found = explain(a_cron("0 0 0 * * ?"), NOW, 0)
    assert (found.fires, found.notices) == ((), ())


def test_more_fires_than_a_thousand_are_not_listed():
    assert len(explain(a_cron("* * * * * ?"), NOW, 10**9).fires) == MOST_FIRES


NOTICES = [
    ("0 0 0 30 2 ?", ["it never fires again"], ["不会再触发"]),
    ("* * * * * ?", ["it fires 86,400 times a day"], ["每天触发 86,400 次"]),
    ("0 * * * * ?", [], []),
    (
        "0 0 0 1 2 ? 2026",
        ["only 1 fire is left, on 2026-02-01 00:00:00"],
        ["只剩 1 次触发：2026-02-01 00:00:00"],
    ),
    (
        "0 0 0 1 1 ? 2028-2029",
        [
            "only 2 fires are left, the last one on 2029-01-01 00:00:00",
            "the next fire is more than a year away, on 2028-01-01 00:00:00",
        ],
        [
            "只剩 2 次触发，最后一次在 2029-01-01 00:00:00",
            "下一次触发在一年以后：2028-01-01 00:00:00",
        ],
    ),
    (
        "0 0 0 31 * ?",
        [
            "no fire on the 31st in February, April, June, September and November: "
            "these 5 months have no such day"
        ],
        ["2 月、4 月、6 月、9 月、11 月没有 31 日，这 5 个月没有这次触发"],
    ),
    (
        "0 0 0 1,30 * ?",
        ["no fire on the 30th in February, which has no such day"],
        ["2 月没有 30 日，该月没有这次触发"],
    ),
    ("0 0 0 31 1,3,12 ?", [], []),
    ("0 0 0 1/2 * ?", [], []),
    ("0 0 0 20-31 * ?", [], []),
    (
        "0 0 0 29 * ?",
        ["no fire on the 29th of February but in leap years"],
        ["2 月只有闰年才有 29 日，平年没有这次触发"],
    ),
    (
        "0 0 0 29 2 ?",
        [
            "the next fire is more than a year away, on 2028-02-29 00:00:00",
            "there is a 29th of February in leap years only",
        ],
        ["下一次触发在一年以后：2028-02-29 00:00:00", "只有闰年才有 2 月 29 日"],
    ),
    (
        "0 0 0 30W 1-4 ?",
        ["usually no fire in February, for want of a 30th"],
        ["2 月没有 30 日，通常不触发"],
    ),
    (
        "0 0 0 L-29 1-4 ?",
        ["no fire in February when shorter than 30 days (months concerned: 1)"],
        ["2 月不足 30 天时不触发（涉及 1 个月）"],
    ),
    (
        "0 0 0 ? * 6#5",
        ["months without a fifth Friday are skipped"],
        ["没有第五个周五的月份会跳过"],
    ),
]


@pytest.mark.parametrize(("text", "en", "zh"), NOTICES)
def test_what_may_surprise_is_said(text, en, zh):
    trigger = a_cron(text)
    assert (notices(trigger, "en"), notices(trigger, "zh")) == (en, zh)


FORWARD, BACK = "on 2026-03-08 the clocks go forward", "on 2026-11-01 the clocks go back"
ONCE, QUARTZ, SKIP, LITERAL = DstRule.EXACTLY_ONCE, DstRule.QUARTZ, DstRule.SKIP, DstRule.LITERAL


@pytest.mark.parametrize(
    ("text", "rule", "said"),
    [
        ("0 30 2 * * ?", ONCE, [f"{FORWARD} and 02:30 is left out: fires at 03:00 EDT"]),
        ("0 30 2 * * ?", SKIP, [f"{FORWARD} and 02:30 is left out: no fire for it"]),
        ("0 0 2,3 * * ?", SKIP, [f"{FORWARD} and 02:00 is left out: no fire for it"]),
        ("0 30 2 8 MAR-APR ?", QUARTZ, [f"{FORWARD} and 02:30 is left out: no fire for it"]),
        (
            "0 15,45 2 * * ?",
            ONCE,
            [f"{FORWARD} and 02:15 and 02:45 are left out: fires once for them, at 03:00 EDT"],
        ),
        (
            "0 0/5 2 * * ?",
            LITERAL,
            [f"{FORWARD} and 02:00, 02:05, 02:10 and more are left out: no fires for them"],
        ),
        ("0 0 0/2 * * ?", ONCE, [f"{FORWARD} and 02:00 is left out: no fire for it"]),
        ("0 30 1 * * ?", ONCE, [f"{BACK} and 01:30 comes twice: fires once, at 01:30 EDT"]),
        ("0 30 1 * * ?", QUARTZ, [f"{BACK} and 01:30 comes twice: fires once, at 01:30 EST"]),
        (
            "0 30 1 * * ?",
            LITERAL,
            [f"{BACK} and 01:30 comes twice: fires twice, at 01:30 EDT and 01:30 EST"],
        ),
        (
            "0 0,30 1 * * ?",
            ONCE,
            [f"{BACK} and 01:00 and 01:30 come twice: fires once for each, first at 01:00 EDT"],
        ),
        (
            "0 0,30 1 * * ?",
            LITERAL,
            [
                f"{BACK} and 01:00 and 01:30 come twice: "
                "fires twice for each, from 01:00 EDT and again from 01:00 EST"
            ],
        ),
        ("0 0/5 * * * ?", QUARTZ, [f"{BACK}: nothing fires from 01:00 EDT until 01:00 EST"]),
        ("0 0 * * * ?", QUARTZ, [f"{BACK}: nothing fires from 01:00 EDT until 01:00 EST"]),
        ("0 0/5 * * * ?", ONCE, []),
        ("0 0 9 * * ?", ONCE, []),
        ("0 30 1 ? * MON", ONCE, []),
        ("0 30 2 9 3 ?", ONCE, []),
    ],
)
def test_a_clock_change_of_the_year_to_come_is_told(text, rule, said):
    assert notices(a_cron(text, NEW_YORK, rule), count=1) == said


def test_a_clock_change_is_told_in_chinese():
    trigger = a_cron("0 30 1 * * ?", NEW_YORK)
    said = "2026-11-01 时钟拨慢，01:30 会出现两次，只触发一次，在 01:30 EDT"
    assert notices(trigger, "zh") == [said]


def test_a_clock_change_outside_the_bounds_is_not_told():
    october, december = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    assert notices(a_cron("0 30 1 * * ?", NEW_YORK, end=october)) == []
    assert notices(a_cron("0 30 1 * * ?", NEW_YORK, start=december)) == []


def test_a_gap_at_midnight_belongs_to_the_day_it_takes_the_hour_from():
    said = "on 2026-04-24 the clocks go forward and 00:00 is left out: fires at 01:00 EEST"
    assert notices(a_cron("0 0 0 * * ?", ZoneInfo("Africa/Cairo"))) == [said]


def test_every_clock_notice_agrees_with_the_fires():
    """Over all zones that change their clocks: what is said to fire does, what is said not to does not."""
    told = 0
    for vector in list(vectors())[::7]:
        for rule in DstRule:
            trigger = a_cron(vector["expr"], ZoneInfo(vector["tz"]), rule)
            for notice in explain(trigger, NOW, 1).notices:
                told += agrees(notice, trigger)
    print(f"\n{told} notices of clock changes agree with the fires")
    assert told > 300


def agrees(notice, trigger) -> int:
    moments = [notice.params[name] for name in ("fire", "again") if name in notice.params]
    for moment in moments:
        assert trigger.next_after(moment - SECOND) == moment, notice
    if notice.code == "back_silent":
        silent = trigger.next_after(notice.params["start"] - SECOND)
        assert silent is None or silent >= notice.params["end"], notice
    return notice.code.startswith(("gap", "back"))


def test_explaining_any_recorded_expression_is_quick():
    took = []
    for vector in list({vector["expr"]: vector for vector in vectors()}.values()):
        trigger = a_cron(vector["expr"], ZoneInfo(vector["tz"]))
        begun = perf_counter()
        explain(trigger, NOW, 10)
        took.append(perf_counter() - begun)
    took.sort()
    print(f"\nmedian {took[len(took) // 2] * 1e3:.1f} ms, slowest {took[-1] * 1e3:.1f} ms")
    assert took[len(took) // 2] < 0.02
    assert took[-1] < 0.5


# Shapes that are walked


def test_a_union_counts_what_its_lines_fire_together_and_an_instant_of_two_lines_once():
    noon, hourly = a_cron("0 0 12 * * ?"), a_cron("0 0 * * * ?")
    half = a_cron("0 30 12 * * ?")
    union = UnionTrigger(lines=(noon, hourly, half))
    assert fires_between(union, NOW, NOW + 10 * DAY) == Count(250)
    assert fires_between(union, NOW, NOW + 365 * DAY) == Count(LONGEST_WALK, exact=False)


def test_a_union_of_many_lines_is_counted_in_bounded_time():
    lines = tuple(a_cron(f"{second} * * * * ?") for second in range(20))
    began = perf_counter()
    explain(UnionTrigger(lines=lines), NOW, 5)
    assert perf_counter() - began < 1
