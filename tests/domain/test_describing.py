"""Whether what a schedule's words claim is what it does: on every fire that Quartz recorded, and in sentences."""

import gzip
import json
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchserver.domain.cron import CronExpression, DstRule
from dispatchserver.domain.crondays import (
    LastDay,
    LastDayWeekday,
    LastWeekday,
    NearestWeekday,
    NthWeekday,
    as_mask,
)
from dispatchserver.domain.describing import describe, times_of_day
from dispatchserver.domain.descriptions import (
    Clocks,
    DaysOfMonth,
    DaysOfWeek,
    EveryDay,
    Numbers,
    Occasions,
    Pattern,
    Rhythm,
)
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger
from dispatchserver.messages import LANGUAGES
from dispatchserver.wording import describe as in_words

DATA = Path(__file__).parent.parent / "data"
UTC_ZONE = ZoneInfo("UTC")
DAY = timedelta(days=1)
LONGEST_LOOK = 150


def a_trigger(text, zone=UTC_ZONE, **changes):
    return CronTrigger(expression=CronExpression.parse(text), zone=zone, **changes)


def vectors():
    """Those whose expression is accepted, with it described."""
    for line in gzip.decompress((DATA / "quartz_vectors.jsonl.gz").read_bytes()).splitlines():
        vector = json.loads(line)
        if not vector.get("loose") and "error" not in vector:
            yield vector


@cache
def described(text) -> Occasions:
    try:
        return describe(a_trigger(text))
    except Invalid:
        pytest.fail(f"{text} is refused")


# An independent reader of descriptions: what they claim, found without the parser's masks.


def claims(numbers: Numbers, value: int, low: int, size: int) -> bool:
    """Whether a value of a field with `size` values from `low` on is one of these numbers."""
    for run in numbers.runs:
        length = run.last - run.first if run.last >= run.first else run.last - run.first + size
        away = (value - run.first) % size
        if low <= value < low + size and away <= length and away % run.step == 0:
            return True
    return False


@cache
def claimed_times(times) -> list[int]:
    """The seconds of the day, in order."""
    match times:
        case Clocks():
            return sorted(times.times)
        case Rhythm():
            found = set()
            for window in times.windows:
                last = window.last if window.last >= window.first else window.last + 86_400
                found |= {second % 86_400 for second in range(window.first, last + 1, times.step)}
            return sorted(found)
        case Pattern():
            hours, minutes, seconds = (
                [value for value in range(size) if claims(numbers, value, 0, size)]
                for numbers, size in ((times.hours, 24), (times.minutes, 60), (times.seconds, 60))
            )
            return [3600 * h + 60 * m + s for h in hours for m in minutes for s in seconds]


def is_claimed(occasions: Occasions, day: date) -> bool | None:
    """Whether a date is meant; None where Quartz has its own ways (a weekday nearest to no day)."""
    if not claims(occasions.years, day.year, 1970, 1030):
        return False
    if not claims(occasions.months, day.month, 1, 12):
        return False
    length = monthrange(day.year, day.month)[1]
    match occasions.days:
        case EveryDay():
            return True
        case DaysOfMonth(numbers):
            return claims(numbers, day.day, 1, 31)
        case DaysOfWeek(numbers):
            return claims(numbers, day.isoweekday(), 1, 7)
        case LastDay(offset):
            return day.day == length - offset
        case LastDayWeekday(offset):
            return is_nearest_weekday(day, length - offset) if offset < length else None
        case NearestWeekday(number):
            return is_nearest_weekday(day, number) if number <= length else None
        case LastWeekday(weekday):
            return day.isoweekday() % 7 == weekday and day.day + 7 > length
        case NthWeekday(weekday, nth):
            return day.isoweekday() % 7 == weekday and (day.day + 6) // 7 == nth


def is_nearest_weekday(day: date, number: int) -> bool:
    """Looks for it in the order of distance, Friday before Monday where both are as near."""
    aim = day.replace(day=number)
    near = [aim, aim - DAY, aim + DAY, aim - 2 * DAY, aim + 2 * DAY]
    return day == next(d for d in near if d.month == aim.month and d.isoweekday() < 6)


def second_of(wall: datetime) -> int:
    return wall.hour * 3600 + wall.minute * 60 + wall.second


def days_between(first: datetime, last: datetime) -> Iterator[date]:
    for number in range(min((last.date() - first.date()).days + 1, LONGEST_LOOK)):
        yield first.date() + number * DAY


def has_a_clock_change(day: date, zone: ZoneInfo) -> bool:
    midnights = (datetime.combine(day + n * DAY, time(), zone) for n in (-1, 0, 1, 2))
    return len({midnight.utcoffset() for midnight in midnights}) > 1


def walls(vector, zone: ZoneInfo) -> list[datetime]:
    found = [datetime.fromisoformat(fire).astimezone(zone) for fire in vector["fires"]]
    return [fire.replace(tzinfo=None) for fire in found]


def test_every_recorded_fire_is_one_that_the_words_claim():
    expressions, fires = set(), 0
    for vector in vectors():
        occasions = described(vector["expr"])
        seconds = set(claimed_times(occasions.times))
        expressions.add(vector["expr"])
        for wall in walls(vector, ZoneInfo(vector["tz"])):
            assert second_of(wall) in seconds, (vector, wall)
            assert is_claimed(occasions, wall.date()) in (True, None), (vector, wall)
            fires += 1
    print(f"\n{fires} fires of {len(expressions)} expressions are what the words claim")
    assert len(expressions) > 800


def test_between_recorded_fires_the_words_claim_no_other():
    days = 0
    for vector in vectors():
        zone = ZoneInfo(vector["tz"])
        fires = walls(vector, zone)
        if not fires:
            continue
        occasions = described(vector["expr"])
        for day in days_between(fires[0], fires[-1]):
            claimed = is_claimed(occasions, day)
            if claimed is None or (claimed and has_a_clock_change(day, zone)):
                continue
            assert claimed_on(day, occasions, fires) == fired_on(day, fires), (vector, day)
            days += 1
    print(f"\n{days} days hold the fires that the words claim, and no other")
    assert days > 100_000


def claimed_on(day: date, occasions: Occasions, fires: list[datetime]) -> list[int]:
    """The claimed times of a day that lie between the first fire and the last."""
    if not is_claimed(occasions, day):
        return []
    times = claimed_times(occasions.times)
    low = second_of(fires[0]) if day == fires[0].date() else 0
    high = second_of(fires[-1]) if day == fires[-1].date() else 86_400
    return times[bisect_left(times, low) : bisect_right(times, high)]


def fired_on(day: date, fires: list[datetime]) -> list[int]:
    return [second_of(fire) for fire in fires if fire.date() == day]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_accepted_expression_has_a_sentence_of_its_own_meaning(lang):
    """Two expressions share their words only if they share every fire."""
    said = {}
    for text in {vector["expr"] for vector in vectors()}:
        schedule = CronExpression.parse(text).schedule
        sentence = in_words(a_trigger(text), lang)
        assert "words." not in sentence
        assert "{" not in sentence
        assert said.setdefault(sentence, meaning(schedule)) == meaning(schedule), text


def meaning(schedule):
    fields = (schedule.seconds, schedule.minutes, schedule.hours, schedule.months, schedule.years)
    return fields, [schedule.days.mask(first, n) for first in range(7) for n in (28, 29, 30, 31)]


def field_texts(low, high):
    number = st.integers(low, high)
    step = st.integers(1, high)
    item = st.one_of(
        st.just("*"),
        number.map(str),
        st.builds("{}-{}".format, number, number),
        st.builds("{}/{}".format, number, step),
        st.builds("*/{}".format, step),
        st.builds("{}-{}/{}".format, number, number, step),
    )
    return st.lists(item, min_size=1, max_size=3).map(",".join)


@settings(max_examples=300, deadline=None)
@given(
    times=st.tuples(field_texts(0, 59), field_texts(0, 59), field_texts(0, 23)),
    days=st.one_of(
        field_texts(1, 31).map(lambda text: (text, "?")),
        field_texts(1, 7).map(lambda text: ("?", text)),
    ),
    month=field_texts(1, 12),
    year=st.sampled_from(["*", "2027", "2026-2030", "2026/2", "2026,2028,2031"]),
)
def test_the_words_of_any_schedule_claim_what_it_names_in_wall_time(times, days, month, year):
    text = " ".join([*times, days[0], month, days[1], year])
    schedule, occasions = CronExpression.parse(text).schedule, describe(a_trigger(text))
    named = times_of_day(schedule)
    assert as_mask(claimed_times(occasions.times)) == named
    for number in range(0, 2000, 7):
        day = date(2025, 12, 1) + number * DAY
        on_it = schedule.date_from(day.year, day.month, day.day, 2100) == (
            day.year,
            day.month,
            day.day,
        )
        assert is_claimed(occasions, day) == on_it, day


SENTENCES = [
    ("0 0 9 * * ?", "every day at 09:00", "每天 09:00"),
    ("30 0 9 * * ?", "every day at 09:00:30", "每天 09:00:30"),
    ("0 0 9,18 ? * *", "every day at 09:00 and 18:00", "每天 09:00、18:00"),
    ("0 15 9,13 ? * MON-FRI", "every weekday at 09:15 and 13:15", "工作日 09:15、13:15"),
    ("0 0 10 ? * 1,7", "every Saturday and Sunday at 10:00", "周末 10:00"),
    ("0 0 9 ? * SUN", "every Sunday at 09:00", "每周日 09:00"),
    ("0 0 9 ? * L", "every Saturday at 09:00", "每周六 09:00"),
    ("0 0 9 ? * MON,THU", "every Monday and Thursday at 09:00", "每周一、周四 09:00"),
    ("0 0 9 ? * TUE-THU", "every Tuesday to Thursday at 09:00", "周二至周四 09:00"),
    ("0 0 9 ? * FRI-MON", "every Friday to Monday at 09:00", "周五至周一 09:00"),
    ("0 0 9 ? * MON-SAT", "every day except Sunday at 09:00", "除周日外每天 09:00"),
    (
        "0 0 9 ? * MON-WED,SAT",
        "every Monday, Tuesday, Wednesday and Saturday at 09:00",
        "每周一、周二、周三、周六 09:00",
    ),
    ("* * * * * ?", "every second", "每秒一次"),
    ("*/10 * * * * ?", "every 10 seconds", "每 10 秒一次"),
    ("0 * * * * ?", "every minute", "每分钟一次"),
    ("30 * * * * ?", "every minute at second 30", "每分钟一次（第 30 秒）"),
    ("0 */5 * * * ?", "every 5 minutes", "每 5 分钟一次"),
    ("30 0/5 * * * ?", "every 5 minutes at second 30", "每 5 分钟一次（第 30 秒）"),
    ("0 0 * * * ?", "every hour", "每小时一次"),
    ("0 30 * * * ?", "every hour at :30", "每小时的 30 分"),
    ("0 7/15 * * * ?", "every hour at :07, :22, :37 and :52", "每小时的 7、22、37、52 分"),
    ("0 2/5 * * * ?", "every hour at :02, :07, :12 … :57", "每小时的 2、7、12…57 分"),
    ("0 */7 * * * ?", "every hour at :00, :07, :14 … :56", "每小时的 0、7、14…56 分"),
    ("0 0 0/2 * * ?", "every 2 hours", "每 2 小时一次"),
    (
        "0 30 0/2 * * ?",
        "every 2 hours from 00:30 to 22:30 every day",
        "每天 00:30–22:30 每 2 小时一次",
    ),
    (
        "0 0 1/6 * * ?",
        "every 6 hours from 01:00 to 19:00 every day",
        "每天 01:00–19:00 每 6 小时一次",
    ),
    (
        "0 0 */5 * * ?",
        "every 5 hours from 00:00 to 20:00 every day",
        "每天 00:00–20:00 每 5 小时一次",
    ),
    ("0 0 0/12 * * ?", "every day at 00:00 and 12:00", "每天 00:00、12:00"),
    (
        "0 0/5 8-17 ? * MON-FRI",
        "every 5 minutes from 08:00 to 17:55 on weekdays",
        "工作日 08:00–17:55 每 5 分钟一次",
    ),
    (
        "0 0/15 9-11,14-17 ? * MON-FRI",
        "every 15 minutes from 09:00 to 11:45 and from 14:00 to 17:45 on weekdays",
        "工作日 09:00–11:45、14:00–17:45 每 15 分钟一次",
    ),
    (
        "0 0 8-12,18 * * ?",
        "every hour from 08:00 to 12:00 and at 18:00 every day",
        "每天 08:00–12:00、18:00 每小时一次",
    ),
    ("0 0 22-2 * * ?", "every hour from 22:00 to 02:00 every day", "每天 22:00–02:00 每小时一次"),
    (
        "0 */5 22-1 * * ?",
        "every 5 minutes from 22:00 to 01:55 every day",
        "每天 22:00–01:55 每 5 分钟一次",
    ),
    (
        "0 0/30 23-0 ? * MON-FRI",
        "every weekday at 00:00, 00:30, 23:00 and 23:30",
        "工作日 00:00、00:30、23:00、23:30",
    ),
    (
        "0 0 20-4/2 * * ?",
        "every 2 hours from 20:00 to 04:00 every day",
        "每天 20:00–04:00 每 2 小时一次",
    ),
    (
        "* 30-59 2 * * ?",
        "every second from 02:30:00 to 02:59:59 every day",
        "每天 02:30:00–02:59:59 每秒一次",
    ),
    (
        "0 5-20/3 2 ? * *",
        "every 3 minutes from 02:05 to 02:20 every day",
        "每天 02:05–02:20 每 3 分钟一次",
    ),
    (
        "0 0/15 */2 * * ?",
        "every 15 minutes in the hours 0, 2, 4 … 22 every day",
        "每天 0、2、4…22 点，每 15 分钟一次",
    ),
    (
        "0 5,20,50 1,5,7,8,20 ? * MON",
        "at :05, :20 and :50 past the hours 1, 5, 7, 8 and 20 on Mondays",
        "每周一 1、5、7、8、20 点的 5、20、50 分",
    ),
    (
        "30 10,20 1,5,9,13,22 ? * MON",
        "at :10 and :20 past the hours 1, 5, 9, 13 and 22 (second 30) on Mondays",
        "每周一 1、5、9、13、22 点的 10、20 分（第 30 秒）",
    ),
    (
        "0 0,15,45 * 1 * ?",
        "every hour at :00, :15 and :45 on the 1st of each month",
        "每月 1 日每小时的 0、15、45 分",
    ),
    ("*/7 * * * * ?", "at the seconds 0, 7, 14 … 56 of every minute", "每分钟的第 0、7、14…56 秒"),
    ("1/30 * * * * ?", "at the seconds 1 and 31 of every minute", "每分钟的第 1、31 秒"),
    (
        "*/15 30-59 * * * ?",
        "every 15 seconds in the minutes 30–59 of every hour",
        "每小时的第 30–59 分，每 15 秒一次",
    ),
    (
        "*/10 3 * * * ?",
        "every 10 seconds in minute 3 of every hour",
        "每小时的第 3 分，每 10 秒一次",
    ),
    (
        "* 3 1,5,9,13 * * ?",
        "every second in minute 3 of the hours 1, 5, 9 and 13 every day",
        "每天 1、5、9、13 点的第 3 分，每秒一次",
    ),
    (
        "58-59,0 0,59 * * * ?",
        "at the seconds 0, 58 and 59 of the minutes 0 and 59 of every hour",
        "每小时的第 0、59 分，第 0、58、59 秒",
    ),
    ("0 0 10 1 * ?", "the 1st of each month at 10:00", "每月 1 日 10:00"),
    ("0 0 10 1,15 * ?", "the 1st and 15th of each month at 10:00", "每月 1 日、15 日 10:00"),
    ("0 0 0 10-21 * ?", "the 10th to 21st of each month at 00:00", "每月 10 日至 21 日 00:00"),
    (
        "0 0 0 */2 * ?",
        "the 1st, 3rd, 5th … 31st of each month at 00:00",
        "每月 1 日、3 日、5 日…31 日 00:00",
    ),
    (
        "0 0 0 1,10-12,31 * ?",
        "the 1st, 10th to 12th and 31st of each month at 00:00",
        "每月 1 日、10 日至 12 日、31 日 00:00",
    ),
    ("0 50 23 L * ?", "the last day of each month at 23:50", "每月最后一天 23:50"),
    ("0 50 23 L-1 * ?", "the last day but one of each month at 23:50", "每月倒数第二天 23:50"),
    (
        "0 50 23 L-3 * ?",
        "the 3rd day before the last day of each month at 23:50",
        "每月倒数第 4 天 23:50",
    ),
    ("0 0 12 LW * ?", "the last weekday of each month at 12:00", "每月最后一个工作日 12:00"),
    (
        "0 0 12 L-3W * ?",
        "the weekday nearest the 3rd day before the last day of each month at 12:00",
        "每月最接近倒数第 4 天的工作日 12:00",
    ),
    (
        "0 0 0 15W * ?",
        "the weekday nearest the 15th of each month at 00:00",
        "每月最接近 15 日的工作日 00:00",
    ),
    ("0 0 12 1W * ?", "the first weekday of each month at 12:00", "每月第一个工作日 12:00"),
    ("30 0 10 ? * FRI#3", "the third Friday of each month at 10:00:30", "每月第三个周五 10:00:30"),
    ("0 0 3 ? * 6L", "the last Friday of each month at 03:00", "每月最后一个周五 03:00"),
    (
        "0 0/10 1-2 ? * 2#1",
        "every 10 minutes from 01:00 to 02:50 on the first Monday of each month",
        "每月第一个周一 01:00–02:50 每 10 分钟一次",
    ),
    ("0 0 0 1 1 ?", "the 1st of January at 00:00", "每年 1 月 1 日 00:00"),
    ("0 0 9 1 1,7 ?", "the 1st of January and July at 09:00", "每年 1 月、7 月的 1 日 09:00"),
    (
        "0 0 9 15W 1,7 ?",
        "the weekday nearest the 15th of January and July at 09:00",
        "每年 1 月、7 月的最接近 15 日的工作日 09:00",
    ),
    (
        "0 0 9 L 3-10 ?",
        "the last day of each month from March to October at 09:00",
        "每年 3 月至 10 月每月最后一天 09:00",
    ),
    (
        "0 0 9 * 11-2 ?",
        "every day from November to February at 09:00",
        "每年 11 月至 2 月每天 09:00",
    ),
    (
        "0 0 9 ? 1,7 MON-FRI",
        "every weekday in January and July at 09:00",
        "每年 1 月、7 月工作日 09:00",
    ),
    ("0 * * * 1,7 ?", "every minute in January and July", "每年 1 月、7 月每分钟一次"),
    (
        "0 0 9 * */3 ?",
        "every day in January, April, July and October at 09:00",
        "每年 1 月、4 月、7 月、10 月每天 09:00",
    ),
    (
        "0 0 9 31 12 ? 2027",
        "the 31st of December at 09:00, only in 2027",
        "2027 年 12 月 31 日 09:00",
    ),
    (
        "0 0 9 * * ? 2027,2029",
        "every day at 09:00, only in 2027 and 2029",
        "2027、2029 年每天 09:00",
    ),
    (
        "0 0 9 * * ? 2026-2030",
        "every day at 09:00, only from 2026 to 2030",
        "2026 至 2030 年每天 09:00",
    ),
    ("0 0 9 * * ? 2027/1", "every day at 09:00, from 2027 on", "2027 年起每天 09:00"),
    ("0 0 9 * * ? */2", "every day at 09:00, only in even years", "偶数年每天 09:00"),
    (
        "0 0 9 1 * ? 2026/5",
        "the 1st of each month at 09:00, only every 5 years from 2026 on",
        "2026 年起每 5 年，每月 1 日 09:00",
    ),
    (
        "0 0 9 1 * ? 2026-2036/2",
        "the 1st of each month at 09:00, only every 2 years from 2026 to 2036",
        "2026 至 2036 年间每 2 年，每月 1 日 09:00",
    ),
    (
        "0 * 8-17 * 11-2 ? 2027",
        "every minute from 08:00 to 17:59 every day in January, February, November and December, only in 2027",
        "2027 年 1 月、2 月、11 月、12 月每天 08:00–17:59 每分钟一次",
    ),
    ("0/0 0/0 0/0 1/0 1/0 ?", "the 1st of January at 00:00", "每年 1 月 1 日 00:00"),
]


@pytest.mark.parametrize(("text", "en", "zh"), SENTENCES)
def test_a_cron_trigger_in_words(text, en, zh):
    trigger = a_trigger(text)
    assert (in_words(trigger, "en"), in_words(trigger, "zh")) == (en, zh)


def test_all_spellings_of_a_schedule_are_described_alike():
    spellings = [
        "0 0/15 * * * ?",
        "0 */15 * * * ?",
        "0 0,15,30,45 * ? * SUN-SAT",
        "0 /15 0-23 * * ? *",
    ]
    assert {in_words(a_trigger(text), "en") for text in spellings} == {"every 15 minutes"}


SHANGHAI = ZoneInfo("Asia/Shanghai")
MAY_DAY = datetime(2026, 5, 1, 2, 0, tzinfo=UTC)


def a_simple(seconds=None, count=None, end=None, start=MAY_DAY):
    interval = None if seconds is None else timedelta(seconds=seconds)
    end = None if end is None else start + timedelta(seconds=end)
    return SimpleTrigger(start=start, interval=interval, count=count, end=end, zone=SHANGHAI)


@pytest.mark.parametrize(
    ("trigger", "en", "zh"),
    [
        (a_simple(), "once, on 2026-05-01 10:00:00", "2026-05-01 10:00:00 一次"),
        (
            a_simple(2),
            "every 2 seconds from 2026-05-01 10:00:00 on",
            "自 2026-05-01 10:00:00 起每 2 秒一次",
        ),
        (
            a_simple(2, count=3),
            "every 2 seconds from 2026-05-01 10:00:00 to 10:00:04, 3 times in all",
            "自 2026-05-01 10:00:00 至 10:00:04 每 2 秒一次，共 3 次",
        ),
        (
            a_simple(2, end=3),
            "every 2 seconds from 2026-05-01 10:00:00 to 10:00:02, 2 times in all",
            "自 2026-05-01 10:00:00 至 10:00:02 每 2 秒一次，共 2 次",
        ),
        (
            a_simple(2, count=9, end=4),
            "every 2 seconds from 2026-05-01 10:00:00 to 10:00:02, 2 times in all",
            "自 2026-05-01 10:00:00 至 10:00:02 每 2 秒一次，共 2 次",
        ),
        (
            a_simple(0.25),
            "every 250 milliseconds from 2026-05-01 10:00:00 on",
            "自 2026-05-01 10:00:00 起每 250 毫秒一次",
        ),
        (
            a_simple(3600),
            "every hour from 2026-05-01 10:00:00 on",
            "自 2026-05-01 10:00:00 起每小时一次",
        ),
        (
            a_simple(7200),
            "every 2 hours from 2026-05-01 10:00:00 on",
            "自 2026-05-01 10:00:00 起每 2 小时一次",
        ),
        (
            a_simple(86400),
            "every 24 hours from 2026-05-01 10:00:00 on",
            "自 2026-05-01 10:00:00 起每 24 小时一次",
        ),
        (
            a_simple(172800),
            "every 2 days from 2026-05-01 10:00:00 on",
            "自 2026-05-01 10:00:00 起每 2 天一次",
        ),
        (
            a_simple(5400),
            "every 90 minutes from 2026-05-01 10:00:00 on",
            "自 2026-05-01 10:00:00 起每 90 分钟一次",
        ),
        (
            a_simple(3661),
            "every 1 hour 1 minute 1 second from 2026-05-01 10:00:00 on",
            "自 2026-05-01 10:00:00 起每 1 小时 1 分钟 1 秒一次",
        ),
        (
            a_simple(90_061, count=2),
            "every 1 day 1 hour 1 minute 1 second from 2026-05-01 10:00:00 to 2026-05-02 11:01:01, 2 times in all",
            "自 2026-05-01 10:00:00 至 2026-05-02 11:01:01 每 1 天 1 小时 1 分钟 1 秒一次，共 2 次",
        ),
        (a_simple(60, count=1), "once, on 2026-05-01 10:00:00", "2026-05-01 10:00:00 一次"),
    ],
)
def test_a_simple_trigger_in_words(trigger, en, zh):
    assert (in_words(trigger, "en"), in_words(trigger, "zh")) == (en, zh)


@pytest.mark.parametrize(
    ("bounds", "en", "zh"),
    [
        (
            {"start": MAY_DAY},
            "every day at 09:00, starting on 2026-05-01 10:00:00",
            "每天 09:00，自 2026-05-01 10:00:00 起",
        ),
        (
            {"end": MAY_DAY},
            "every day at 09:00, until 2026-05-01 10:00:00",
            "每天 09:00，至 2026-05-01 10:00:00 止",
        ),
        (
            {"start": MAY_DAY, "end": MAY_DAY + 9 * DAY},
            "every day at 09:00, from 2026-05-01 10:00:00 until 2026-05-10 10:00:00",
            "每天 09:00，自 2026-05-01 10:00:00 起至 2026-05-10 10:00:00 止",
        ),
    ],
)
def test_start_and_end_are_said_by_the_clock_of_the_zone(bounds, en, zh):
    trigger = a_trigger("0 0 9 * * ?", SHANGHAI, dst=DstRule.SKIP, **bounds)
    assert (in_words(trigger, "en"), in_words(trigger, "zh")) == (en, zh)
