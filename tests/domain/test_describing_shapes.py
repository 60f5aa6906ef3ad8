"""Windows, day intervals, unions and fixed delays in words, in both languages."""

import pytest
from hypothesis import given, settings

from dispatchserver.domain.daychoice import every_days, monthly, weekly
from dispatchserver.domain.explaining import explain
from dispatchserver.domain.triggers import upcoming
from dispatchserver.domain.uniontrigger import UnionTrigger
from dispatchserver.domain.windowtrigger import WindowTrigger
from dispatchserver.wording import describe, say_notice
from tests.builders import NOON, at, cron, every
from tests.shapes import a_window, after_runs, any_trigger, every_n_days, union, unix

DAY = 86_400
SINCE = "starting on 2026-03-04 12:00:00"

WORDS = [
    (
        a_window(weekly(1, range(1, 6)), end=at(2 * DAY)),
        "工作日 08:00–17:00 每 5 分钟一次，自 2026-03-04 12:00:00 起至 2026-03-06 12:00:00 止",
        "every 5 minutes from 08:00 to 17:00 on weekdays,"
        " from 2026-03-04 12:00:00 until 2026-03-06 12:00:00",
    ),
    (
        a_window(closes="09:00", minutes=25),
        "每天 08:00–08:50 每 25 分钟一次，自 2026-03-04 12:00:00 起",
        f"every 25 minutes from 08:00 to 08:50 every day, {SINCE}",
    ),
    (
        a_window(opens="00:00", closes="23:59"),
        "每 5 分钟一次，自 2026-03-04 12:00:00 起",
        f"every 5 minutes, {SINCE}",
    ),
    (
        a_window(weekly(2, [1]), closes=None),
        "每周一 08:00，每 2 周轮到一周，自 2026-03-04 12:00:00 起",
        f"every Monday at 08:00, only every 2 weeks, {SINCE}",
    ),
    (
        a_window(monthly(1, [0, 1]), closes=None),
        "每月 1 日和最后一天 08:00，自 2026-03-04 12:00:00 起",
        f"the 1st and the last day of each month at 08:00, {SINCE}",
    ),
    (
        a_window(monthly(3, [0]), closes=None),
        "每月最后一天 08:00，每 3 个月轮到一个月，自 2026-03-04 12:00:00 起",
        f"the last day of each month at 08:00, only every 3 months, {SINCE}",
    ),
    (
        a_window(every_days(3), closes="10:00", minutes=60),
        "每 3 天 08:00–10:00 每小时一次，自 2026-03-04 12:00:00 起",
        f"every hour from 08:00 to 10:00 every 3 days, {SINCE}",
    ),
    (
        every_n_days(3),
        "每 3 天 09:00，自 2026-03-05 09:00:00 起",
        "every 3 days at 09:00, starting on 2026-03-05 09:00:00",
    ),
    (
        every_n_days(1),
        "每天 09:00，自 2026-03-05 09:00:00 起",
        "every day at 09:00, starting on 2026-03-05 09:00:00",
    ),
    (
        union(cron("0 0 9 * * ?"), cron("0 30 17 ? * MON-FRI")),
        "每天 09:00；工作日 17:30",
        "every day at 09:00; every weekday at 17:30",
    ),
    (
        after_runs(600),
        "每次执行结束后 10 分钟，首次 2026-03-04 12:00:00",
        "10 minutes after each run ends, the first on 2026-03-04 12:00:00",
    ),
    (
        after_runs(90, end=at(DAY)),
        "每次执行结束后 1 分钟 30 秒，首次 2026-03-04 12:00:00，至 2026-03-05 12:00:00 止",
        "1 minute 30 seconds after each run ends, the first on 2026-03-04 12:00:00,"
        " until 2026-03-05 12:00:00",
    ),
    (unix("15 9 * * 1-5"), "工作日 09:15", "every weekday at 09:15"),
    (
        unix("0 9 1 * 1"),
        "每月 1 日 09:00；每周一 09:00",
        "the 1st of each month at 09:00; every Monday at 09:00",
    ),
    (
        unix("0 9 */10 * 1"),
        "每月 1日、11日、21日、31日 09:00，仅限每周一",
        "the 1st, 11th, 21st and 31st of each month at 09:00, only on Mondays",
    ),
]


@pytest.mark.parametrize(("trigger", "chinese", "english"), WORDS, ids=[w[2] for w in WORDS])
def test_a_rule_is_said_as_people_would(trigger, chinese, english):
    assert describe(trigger, "en") == english
    assert describe(trigger, "zh").replace(" ", "") == chinese.replace(" ", "")


@settings(max_examples=200, deadline=None)
@given(any_trigger)
def test_any_trigger_is_said_and_explained_in_both_languages(trigger):
    explanation = explain(trigger, NOON, 3)
    assert list(explanation.fires) == upcoming(trigger, NOON, 3)
    for lang in ("zh", "en"):
        words = describe(trigger, lang)
        assert words and "words." not in words and "{" not in words
        assert all(say_notice(notice, trigger.zone, lang) for notice in explanation.notices)


def test_a_fixed_delay_is_not_said_to_end_after_its_first_fire():
    explanation = explain(after_runs(first=at(60)), NOON, 5)
    assert explanation.fires == (at(60),)
    assert (explanation.per_year.number, explanation.per_year.exact) == (1, False)
    assert explanation.notices == ()


def test_a_union_is_counted_by_walking():
    counted = explain(union(every(86_400), cron("0 0 9 * * ?")), NOON, 1).per_year
    assert (counted.number, counted.exact) == (730, True)


def test_a_line_says_what_it_would_say_alone():
    lines = (every(60), a_window(), every_n_days())
    alone = [describe(line, "en") for line in lines]
    assert describe(UnionTrigger(lines=lines), "en") == "; ".join(alone)
    assert isinstance(lines[1], WindowTrigger)
