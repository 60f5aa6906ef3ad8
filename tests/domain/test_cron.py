"""Cron expressions: the grammar, its refusals in both languages, and the calendar, checked by walking it."""

import string
from calendar import monthrange
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dispatchserver.domain.cron import CronExpression, DstRule
from dispatchserver.domain.errors import Invalid
from dispatchserver.messages import LANGUAGES, catalog, say_error

UTC_ZONE = ZoneInfo("UTC")
YEAR_2026 = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def refusal(text: str) -> Invalid:
    with pytest.raises(Invalid) as caught:
        CronExpression.parse(text)
    return caught.value


def fires(text: str, count: int, start: datetime = YEAR_2026) -> list[datetime]:
    """The first fires from `start` on, in UTC."""
    expression = CronExpression.parse(text)
    found: list[datetime] = []
    fire = expression.first_from(start, UTC_ZONE)
    while fire and len(found) < count:
        found.append(fire)
        fire = expression.next_after(fire, UTC_ZONE)
    return found


def days(text: str, count: int) -> list[str]:
    return [fire.strftime("%m-%d") for fire in fires(text, count)]


def times(text: str, count: int) -> list[str]:
    return [fire.strftime("%H:%M:%S") for fire in fires(text, count)]


def test_expressions_with_the_same_text_are_equal() -> None:
    assert CronExpression.parse("0 0 2 * * ?") == CronExpression.parse("0 0 2 * * ?")
    assert len({CronExpression.parse("0 0 2 * * ?"), CronExpression.parse("0 0 2 * * ?")}) == 1
    assert CronExpression.parse("0 0 2 * * ?") != CronExpression.parse("0 0 2 ? * *")


def test_an_expression_keeps_its_text() -> None:
    assert CronExpression.parse(" 0 0\t2 * * ? ").text == " 0 0\t2 * * ? "


@pytest.mark.parametrize("text", ["0 0 0 30 2 ?", "0 0 0 * * ? 2025", "0 0 0 29 2 ? 2027"])
def test_an_expression_that_can_never_fire_is_read_and_never_fires(text: str) -> None:
    begun = perf_counter()
    for rule in DstRule:
        assert CronExpression.parse(text).next_after(YEAR_2026, UTC_ZONE, rule) is None
    assert perf_counter() - begun < 1


@pytest.mark.parametrize("year", [1, 1969, 2999, 3000, 9999])
def test_far_moments_are_answered(year: int) -> None:
    moment = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    for rule in DstRule:
        fire = CronExpression.parse("0 0 2 * * ?").next_after(
            moment, ZoneInfo("America/New_York"), rule
        )
        assert (fire is None) == (year >= 2999)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 57-3/2 9 * * ?", ["09:01:00", "09:03:00", "09:57:00", "09:59:00", "09:01:00"]),
        ("0 0 22-2 * * ?", ["00:00:00", "01:00:00", "02:00:00", "22:00:00", "23:00:00"]),
        ("0 5/20 0 * * ?", ["00:05:00", "00:25:00", "00:45:00", "00:05:00"]),
        ("0 /20 0 * * ?", ["00:00:00", "00:20:00", "00:40:00", "00:00:00"]),
        ("0/0 0 * * * ?", ["00:00:00", "01:00:00"]),
        ("10,5,10 0 0 * * ?", ["00:00:05", "00:00:10", "00:00:05"]),
        ("* */1 * * * ?", ["00:00:00", "00:00:01", "00:00:02"]),
    ],
)
def test_times_of_day(text: str, expected: list[str]) -> None:
    assert times(text, len(expected)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 0 0 L * ?", ["01-31", "02-28", "03-31", "04-30"]),
        ("0 0 0 L-3 * ?", ["01-28", "02-25", "03-28", "04-27"]),
        ("0 0 0 lw * ?", ["01-30", "02-27", "03-31", "04-30", "05-29"]),
        ("0 0 0 L-3W * ?", ["01-28", "02-25", "03-27"]),
        ("0 0 0 15W * ?", ["01-15", "02-16", "03-16", "04-15", "05-15"]),
        ("0 0 0 1W * ?", ["01-01", "02-02", "03-02", "04-01", "05-01", "06-01", "07-01", "08-03"]),
        ("0 0 0 ? * 6L", ["01-30", "02-27", "03-27"]),
        ("0 0 0 ? * friL", ["01-30", "02-27", "03-27"]),
        ("0 0 0 ? * L", ["01-03", "01-10", "01-17"]),
        ("0 0 0 ? * 6#3", ["01-16", "02-20", "03-20"]),
        ("0 0 0 ? * FRI#5", ["01-30", "05-29", "07-31"]),
        ("0 0 0 ? * 1", ["01-04", "01-11"]),
        ("0 0 0 ? * SUN-MON", ["01-04", "01-05", "01-11"]),
        ("0 0 0 ? * sat-sun", ["01-03", "01-04", "01-10"]),
        ("0 0 0 1 NOV-FEB ?", ["01-01", "02-01", "11-01", "12-01", "01-01"]),
        ("0 0 0 31-1 * ?", ["01-01", "01-31", "02-01", "03-01", "03-31"]),
        ("0 0 0 1 1 ? 2027/2", ["01-01", "01-01"]),
    ],
)
def test_days(text: str, expected: list[str]) -> None:
    assert days(text, len(expected)) == expected


def test_years_may_be_lists_ranges_and_steps() -> None:
    found = fires("0 0 0 1 1 ? 2027-2029,2040/30", 10)
    assert [fire.year for fire in found] == [
        2027,
        2028,
        2029,
        2040,
        2070,
        2100,
        2130,
        2160,
        2190,
        2220,
    ]


REFUSALS = [
    ("", "cron.empty", None),
    ("0 0 1", "cron.too_few", None),
    ("a b c d e", "cron.too_few", None),
    ("0 0 1 * * ? 2027 2028", "cron.too_many", 18),
    ("*" * 257, "cron.too_long", None),
    ("@daily", "cron.nickname", None),
    ("@reboot", "cron.nickname_unknown", None),
    ("*/5 * * * *", "cron.unix", None),
    ("0 9 1 * MON", "cron.unix_both_days", None),
    ("0 0 12 * * *", "cron.no_question", 12),
    ("0 0 12 * * MON", "cron.no_question", 12),
    ("0 0 12 1 * MON", "cron.both_days", 12),
    ("0 0 12 ? * ?", "cron.both_questions", 12),
    ("60 0 1 * * ?", "cron.value.second", 1),
    ("0 1,60 1 * * ?", "cron.value.minute", 5),
    ("0 0 1-24 * * ?", "cron.value.hour", 7),
    ("0 0 1 0 * ?", "cron.value.day", 7),
    ("0 0 1 32W * ?", "cron.value.day", 7),
    ("0 0 1 1 13 ?", "cron.value.month", 9),
    ("0 0 1 ? * 0", "cron.value.weekday", 11),
    ("0 0 1 ? * 8L", "cron.value.weekday", 11),
    ("0 0 1 ? * 0#2", "cron.value.weekday", 11),
    ("0 0 1 * * ? 1969", "cron.value.year", 13),
    ("*/60 0 1 * * ?", "cron.step.second", 3),
    ("0 0/90 1 * * ?", "cron.step.minute", 5),
    ("0 0 */24 * * ?", "cron.step.hour", 7),
    ("0 0 1 1-9/32 * ?", "cron.step.day", 11),
    ("0 0 1 1 /13 ?", "cron.step.month", 10),
    ("0 0 1 ? * */0", "cron.step.weekday", 13),
    ("0 0 1 * * ? */99999", "cron.step.year", 15),
    ("x 0 1 * * ?", "cron.syntax.second", 1),
    ("0 5,,6 1 * * ?", "cron.syntax.minute", 5),
    ("0 0 5- * * ?", "cron.syntax.hour", 5),
    ("0 0 1 1,W * ?", "cron.syntax.day", 9),
    ("0 0 1 1 1-FEB ?", "cron.syntax.month", 9),
    ("0 0 1 ? * MONDAY", "cron.syntax.weekday", 11),
    ("0 0 1 ? * XYZ#2", "cron.syntax.weekday", 11),
    ("0 0 1 * * ? ?x", "cron.question.year", 13),
    ("0 0 1 * * ? 2027x", "cron.syntax.year", 13),
    ("? 0 1 * * ?", "cron.question.second", 1),
    ("0 1,? 1 * * ?", "cron.question.minute", 5),
    ("0 0 ? * * ?", "cron.question.hour", 5),
    ("0 0 1 1 ? *", "cron.question.month", 9),
    ("H 0 1 * * ?", "cron.jenkins.second", 1),
    ("0 H/5 1 * * ?", "cron.jenkins.minute", 3),
    ("0 0 H(0-7) * * ?", "cron.jenkins.hour", 5),
    ("0 0 1 R * ?", "cron.jenkins.day", 7),
    ("0 0 1 1 H ?", "cron.jenkins.month", 9),
    ("0 0 1 ? * H", "cron.jenkins.weekday", 11),
    ("0 0 1 * * ? R", "cron.jenkins.year", 13),
    ("0 0 1 1 JAN-DEC/3 ?", "cron.named_step.month", 9),
    ("0 0 1 ? * MON-FRI/2", "cron.named_step.weekday", 11),
    ("0 0 1 1,L * ?", "cron.alone.day", 9),
    ("0 0 1 15W,20 * ?", "cron.alone.day", 7),
    ("0 0 1 ? * 2#1,6#3", "cron.alone.weekday", 11),
    ("0 0 1 ? * 2,6L", "cron.alone.weekday", 13),
    ("0 0 1 L-31 * ?", "cron.offset.day", 9),
    ("0 0 1 ? * 6#6", "cron.nth.weekday", 12),
    ("0 0 1 * * ? 2030-2027", "cron.backwards.year", 13),
]


@pytest.mark.parametrize(("text", "code", "position"), REFUSALS)
def test_a_refusal_names_the_problem_and_its_place(
    text: str, code: str, position: int | None
) -> None:
    invalid = refusal(text)
    assert (invalid.code, invalid.params.get("position")) == (code, position)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_refusal_has_a_message_and_every_message_a_refusal(lang: str) -> None:
    messages = {key for key in catalog(lang) if key.startswith("cron.")}
    assert messages == {code for _, code, _ in REFUSALS}


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("text", [text for text, _, _ in REFUSALS])
def test_both_languages_show_the_same_and_only_what_the_refusal_carries(text: str) -> None:
    invalid = refusal(text)
    shown = [placeholders(catalog(lang)[invalid.code]) for lang in LANGUAGES]
    assert shown[0] == shown[1]
    assert shown[0] <= set(invalid.params)
    assert all("{" not in say_error(lang, invalid) for lang in LANGUAGES)


def test_a_message_says_what_is_wrong_where_and_what_is_allowed() -> None:
    invalid = refusal("0 0 12 ? * 0")
    assert say_error("en", invalid) == (
        "day-of-week (field 6), character 12: 0 is not allowed,"
        " Quartz counts 1 (SUN) to 7 (SAT); Sunday is 1"
    )
    assert say_error("zh", invalid).startswith("第 6 段（星期），第 12 个字符：不能是“0”")


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("*/5 * * * *", "0 */5 * * * ?"),
        ("30 2 * * 1-5", "0 30 2 ? * MON-FRI"),
        ("30 2 * * 0", "0 30 2 ? * SUN"),
        ("30 2 * * 7", "0 30 2 ? * SUN"),
        ("30 2 * * 5-7", "0 30 2 ? * SUN,FRI,SAT"),
        ("30 2 * * */2", "0 30 2 ? * SUN,TUE,THU,SAT"),
        ("30 2 * * mon,wed", "0 30 2 ? * MON,WED"),
        ("30 2 * * 5#2", "0 30 2 ? * FRI#2"),
        ("0 0 1,15 jan-mar *", "0 0 0 1,15 JAN-MAR ?"),
        ("@Weekly", "0 0 0 ? * SUN"),
        ("0 0 12 * * *", "0 0 12 * * ?"),
        ("0 0 12 * * MON 2027", "0 0 12 ? * MON 2027"),
        ("0 0 12 1 * *", "0 0 12 1 * ?"),
        ("0 0 1 ? * TUE-THU/2", "3-5/2"),
    ],
)
def test_a_refusal_suggests_what_was_probably_meant(text: str, suggestion: str) -> None:
    assert refusal(text).params["suggestion"] == suggestion


def test_two_restricted_day_fields_are_two_tasks() -> None:
    params = refusal("0 9 1 * 1-5").params
    assert (params["first"], params["second"]) == ("0 0 9 1 * ?", "0 0 9 ? * MON-FRI")


@pytest.mark.parametrize("text", ["61 * * * *", "0 22-2 * * *", "0 0 */2 * 1", "H 2 * * *"])
def test_five_fields_that_quartz_cannot_say_get_no_suggestion(text: str) -> None:
    assert refusal(text).code == "cron.too_few"


def unix_field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    ordered = st.tuples(number, number).map(sorted).filter(lambda pair: pair[0] < pair[1])
    span = ordered.map(lambda pair: f"{pair[0]}-{pair[1]}")
    step = st.integers(1, max(2, (high - low) // 2)).map(lambda step: f"*/{step}")
    items = st.lists(number.map(str) | span, min_size=1, max_size=3).map(",".join)
    return st.just("*") | items | step


@settings(max_examples=150, deadline=None)
@given(unix_field(0, 59), unix_field(0, 23), unix_field(1, 28), unix_field(1, 12), unix_field(0, 6))
def test_a_suggestion_fires_when_the_unix_line_does(
    minute: str, hour: str, day: str, month: str, weekday: str
) -> None:
    assume("*" in (day, weekday))
    text = f"{minute} {hour} {day} {month} {weekday}"
    unix = croniter(text, YEAR_2026 - timedelta(seconds=1))
    suggestion = str(refusal(text).params["suggestion"])
    assert fires(suggestion, 5) == [unix.get_next(datetime) for _ in range(5)]


FRAGMENTS = """
    * ? L LW L-3 L-3W 15W 1W 6L FRIL 6#3 SUN#5 MON-FRI JAN DEC-FEB 0 5 59 60 */7 0/0 */0 1-5 22-2
    /3 1,2 2026 2024-2030/3 H @daily - / , # W 99999999999999999999 ² ٣ ſun ？
"""
FRAGMENT = st.sampled_from(FRAGMENTS.split())
NASTY = (
    st.text(max_size=300)
    | st.text(alphabet="0123456789*/,-?LWHR#@MONFRI \t\n", max_size=300)
    | st.lists(FRAGMENT, max_size=9).map(" ".join)
    | st.lists(FRAGMENT, max_size=12).map("".join).map(lambda item: f"0 {item} 2 * * ?")
)


@settings(max_examples=600, deadline=None)
@given(NASTY, st.sampled_from(["UTC", "America/New_York", "Africa/Cairo"]))
def test_a_nasty_text_is_answered_soon_with_a_schedule_or_invalid(text: str, zone: str) -> None:
    begun = perf_counter()
    try:
        expression = CronExpression.parse(text)
    except Invalid as invalid:
        assert all(say_error(lang, invalid) for lang in LANGUAGES)
    else:
        for rule in DstRule:
            expression.next_after(YEAR_2026, ZoneInfo(zone), rule)
    assert perf_counter() - begun < 2


@pytest.mark.parametrize(
    "text", ["0 " + "0-59," * 50 + "0 * * * ?", "*/5 " * 64, "0 0 0 L-30 2 ?", ",".join("1" * 128)]
)
def test_long_and_barren_texts_take_no_time(text: str) -> None:
    begun = perf_counter()
    with suppress(Invalid):
        CronExpression.parse(text).next_after(YEAR_2026, UTC_ZONE, DstRule.QUARTZ)
    assert perf_counter() - begun < 0.5


def quartz_weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1


def last_of_month(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def nearest_workday(wanted: date) -> date:
    """By distance: the closest Monday to Friday of the same month."""
    near = [wanted + DAY * n for n in (0, -1, 1, -2, 2)]
    return next(day for day in near if day.month == wanted.month and day.isoweekday() < 6)


DayOracle = tuple[str, Callable[[date], bool]]


def by_numbers(numbers: frozenset[int]) -> DayOracle:
    return f"{','.join(map(str, numbers))} * ?", lambda day: day.day in numbers


def by_weekdays(numbers: frozenset[int]) -> DayOracle:
    return f"? * {','.join(map(str, numbers))}", lambda day: quartz_weekday(day) in numbers


def by_last(offset: int) -> DayOracle:
    return f"L-{offset} * ?", lambda day: day.day == last_of_month(day) - offset


def by_last_workday(offset: int) -> DayOracle:
    return (
        f"L-{offset}W * ?",
        lambda day: day == nearest_workday(day.replace(day=last_of_month(day) - offset)),
    )


def by_nearest(number: int) -> DayOracle:
    return f"{number}W * ?", lambda day: day == nearest_workday(day.replace(day=number))


def by_nth(weekday: int, nth: int) -> DayOracle:
    return (
        f"? * {weekday}#{nth}",
        lambda day: quartz_weekday(day) == weekday and (day.day - 1) // 7 + 1 == nth,
    )


def by_last_weekday(weekday: int) -> DayOracle:
    return (
        f"? * {weekday}L",
        lambda day: quartz_weekday(day) == weekday and day.day + 7 > last_of_month(day),
    )


def some(low: int, high: int) -> st.SearchStrategy[frozenset[int]]:
    return st.frozensets(st.integers(low, high), min_size=1, max_size=4)


WEEKDAY = st.integers(1, 7)
DAY_ORACLES = st.one_of(
    some(1, 31).map(by_numbers),
    some(1, 7).map(by_weekdays),
    st.integers(0, 30).map(by_last),
    st.integers(0, 27).map(by_last_workday),
    st.integers(1, 28).map(by_nearest),
    st.builds(by_nth, WEEKDAY, st.integers(1, 5)),
    WEEKDAY.map(by_last_weekday),
)


@settings(max_examples=200, deadline=None)
@given(DAY_ORACLES, st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.sampled_from(DstRule))
def test_days_are_what_walking_the_calendar_finds(
    oracle: DayOracle, start: date, rule: DstRule
) -> None:
    text, is_meant = oracle
    expected = next(day for n in range(4000) if is_meant(day := start + DAY * n))
    moment = datetime(start.year, start.month, start.day, tzinfo=UTC)
    fire = CronExpression.parse(f"0 0 12 {text}").first_from(moment, UTC_ZONE, rule)
    assert fire is not None and fire.date() == expected


@settings(max_examples=100, deadline=None)
@given(some(0, 59), some(0, 59), some(0, 23), st.integers(0, 86_399))
def test_times_are_what_walking_the_seconds_finds(
    seconds: frozenset[int], minutes: frozenset[int], hours: frozenset[int], start: int
) -> None:
    fields = [",".join(map(str, numbers)) for numbers in (seconds, minutes, hours)]
    moment = YEAR_2026 + timedelta(seconds=start)
    walk = (divmod((start + n) % 86_400, 60) for n in range(1, 86_401))
    wait = next(
        n
        for n, (minute, second) in enumerate(walk, 1)
        if second in seconds and minute % 60 in minutes and minute // 60 in hours
    )
    fire = CronExpression.parse(f"{' '.join(fields)} * * ?").next_after(moment, UTC_ZONE)
    assert fire == moment + timedelta(seconds=wait)
