"""The unix grammar: cronie's fields and day rule, with croniter as the oracle where it is exact (UTC)."""

from datetime import UTC, datetime, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dispatchserver.domain.cron import CronExpression, DstRule
from dispatchserver.domain.cronunix import UnixCronExpression
from dispatchserver.domain.errors import Invalid
from dispatchserver.messages import LANGUAGES, say_error

UTC_ZONE = ZoneInfo("UTC")
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def fires(text: str, count: int = 4, moment: datetime = NEW_YEAR) -> list[str]:
    expression, found = UnixCronExpression.parse(text), []
    fire = expression.first_from(moment, UTC_ZONE)
    while fire and len(found) < count:
        found.append(fire.strftime("%m-%d %H:%M"))
        fire = expression.next_after(fire, UTC_ZONE)
    return found


def refusal(text: str) -> Invalid:
    with pytest.raises(Invalid) as caught:
        UnixCronExpression.parse(text)
    for lang in LANGUAGES:
        assert say_error(lang, caught.value) != caught.value.code, caught.value.code
    return caught.value


def test_either_day_field_fires_where_both_are_restricted() -> None:
    found = [fire.removesuffix(" 00:00") for fire in fires("0 0 13 * 5", 5)]
    assert found == ["01-02", "01-09", "01-13", "01-16", "01-23"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 0 */10 * 1", ["05-11 00:00", "06-01 00:00", "08-31 00:00", "09-21 00:00"]),
        ("0 0 1 * */3", ["02-01 00:00", "03-01 00:00", "04-01 00:00", "07-01 00:00"]),
        ("0 0 *,5 * 1", ["01-05 00:00", "01-12 00:00", "01-19 00:00", "01-26 00:00"]),
    ],
)
def test_a_day_field_that_starts_with_a_star_must_match_too(text: str, expected: list[str]) -> None:
    assert fires(text) == expected


def test_a_star_behind_a_comma_is_not_one_in_front() -> None:
    assert fires("0 0 2 * 0,*", 2) == ["01-01 00:00", "01-02 00:00"]


def test_a_full_range_without_a_star_is_a_restriction() -> None:
    assert fires("0 0 15 * 0-6", 2) == ["01-01 00:00", "01-02 00:00"]


def test_sunday_is_0_and_7_and_a_name_in_any_case() -> None:
    sundays = ["01-04 00:00", "01-11 00:00"]
    for sunday in ("0", "7", "sun", "Sun", "*/7"):
        assert fires(f"0 0 * * {sunday}", 2) == sundays
    assert fires("0 0 * * 5-7", 3) == ["01-02 00:00", "01-03 00:00", "01-04 00:00"]


def test_names_stand_in_lists_and_ranges() -> None:
    assert fires("0 9 * jan,Mar mon-FRI/2", 3) == ["01-02 09:00", "01-05 09:00", "01-07 09:00"]


def test_a_step_past_the_end_leaves_the_first_value() -> None:
    assert fires("*/100 3-5/9 * * *", 2) == ["01-01 03:00", "01-02 03:00"]


def test_leading_zeros_and_tabs_are_read() -> None:
    assert fires("005\t07 * * *", 1) == ["01-01 07:05"]


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        (" @midnight ", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
    ],
)
def test_short_forms_mean_what_cronie_means(short: str, long: str) -> None:
    assert fires(short) == fires(long)


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("60 * * * *", "value.minute", 1),
        ("* 24 * * *", "value.hour", 3),
        ("* * 0 * *", "value.day", 5),
        ("* * * 13 *", "value.month", 7),
        ("* * * * 8", "value.weekday", 9),
        ("* * * JANUARY *", "value.month", 7),
        ("* * * * MON,XYZ", "value.weekday", 13),
        ("JAN * * * *", "value.minute", 1),
        ("99999 * * * *", "value.minute", 1),
        ("? * * * *", "syntax.minute", 1),
        ("1,,2 * * * *", "syntax.minute", 3),
        ("1,2, * * * *", "syntax.minute", 5),
        ("/5 * * * *", "syntax.minute", 1),
        ("*5 * * * *", "syntax.minute", 1),
        ("*/5/2 * * * *", "syntax.minute", 1),
        ("0~30 * * * *", "syntax.minute", 1),
        ("* * L * *", "value.day", 5),
        ("* * 15W * *", "syntax.day", 5),
        ("* * * * 5#3", "syntax.weekday", 9),
        ("H * * * *", "value.minute", 1),
        ("*/0 * * * *", "step.minute", 3),
        ("0 1-5/00000 * * *", "step.hour", 7),
        ("5/2 * * * *", "lone_step.minute", 1),
        ("0 1,2/5 * * *", "lone_step.hour", 5),
        ("30-10 * * * *", "backwards.minute", 1),
        ("0 0 * * fri-sun", "backwards.weekday", 9),
        ("٣ * * * *", "syntax.minute", 1),
    ],
)
def test_a_refusal_names_the_field_and_the_position(text: str, code: str, position: int) -> None:
    invalid = refusal(text)
    assert invalid.code == f"cron_unix.{code}"
    assert invalid.params["position"] == position


def test_a_lone_step_is_answered_with_what_was_meant() -> None:
    assert refusal("5/2 * * * *").params["suggestion"] == "5-59/2"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "count"),
        ("* * * *", "count"),
        ("0 * * * * ?", "quartz"),
        ("0 0 0 * * ? 2026", "quartz"),
        ("* * * * * * * *", "count"),
        ("@reboot", "nickname"),
        ("@Daily", "nickname"),
        ("0 0 30 2 *", "never"),
        ("0 0 31 4,6,9,11 *", "never"),
    ],
)
def test_what_is_no_unix_line_is_refused(text: str, code: str) -> None:
    assert refusal(text).code == f"cron_unix.{code}"


def test_a_leap_day_is_not_never() -> None:
    assert fires("0 0 29 2 *", 1) == ["02-29 00:00"]


def test_a_long_or_nasty_line_is_answered_at_once() -> None:
    begun = perf_counter()
    assert refusal("*" * 100_000).code == "cron.too_long"
    for nasty in ("1," * 120, "1-" * 120 + " * * * *", "*/" * 120 + " * * * *", "9" * 240):
        refusal(nasty)
    UnixCronExpression.parse(",".join(["*/1"] * 60) + " * * * *")
    assert perf_counter() - begun < 0.5


LIMITS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}


@st.composite
def items(draw: st.DrawFn, low: int, high: int) -> str:
    first, second = sorted((draw(st.integers(low, high)), draw(st.integers(low, high))))
    step = draw(st.sampled_from(["", "", "/1", "/2", "/3", "/7"]))
    kind = draw(st.sampled_from("*--nn"))
    if kind == "n" or first == second:  # croniter takes 5-5 for the whole field
        return str(first)
    return f"*{step}" if kind == "*" else f"{first}-{second}{step}"


@st.composite
def lines(draw: st.DrawFn) -> str:
    fields = []
    for low, high in LIMITS.values():
        # sorted, as croniter takes a star behind a comma for one in front, and cronie does not
        listed = sorted(draw(st.lists(items(low, high), min_size=1, max_size=3)))
        fields.append(draw(st.sampled_from(["*", ",".join(listed), listed[0]])))
    return " ".join(fields)


@given(lines(), st.integers(0, 5 * 365 * 1440))
@settings(max_examples=400, deadline=None)
def test_croniter_with_cronie_s_day_rule_finds_the_same_instants(text: str, minutes: int) -> None:
    moment = NEW_YEAR + timedelta(minutes=minutes)
    try:
        expression = UnixCronExpression.parse(text)
    except Invalid as invalid:
        assert invalid.code == "cron_unix.never"
        assume(False)
    oracle = croniter(text, moment, implement_cron_bug=True)
    fire: datetime | None = moment
    for _ in range(3):
        assert fire is not None
        fire = expression.next_after(fire, UTC_ZONE)
        assert fire == oracle.get_next(datetime)


@given(
    st.sampled_from(["30 2 * * *", "15,45 1,2 * * *", "*/20 * * * *", "0 */2 * * *", "0 0 * * *"]),
    st.sampled_from(["America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Shanghai"]),
    st.sampled_from(DstRule),
    st.integers(0, 366 * 1440),
)
@settings(max_examples=300, deadline=None)
def test_clock_changes_are_treated_as_in_quartz_expressions(
    text: str, name: str, rule: DstRule, minutes: int
) -> None:
    moment, zone = NEW_YEAR + timedelta(minutes=minutes), ZoneInfo(name)
    same = CronExpression.parse(f"0 {text[:-1]}?")
    found = UnixCronExpression.parse(text).next_after(moment, zone, rule)
    assert found == same.next_after(moment, zone, rule)
