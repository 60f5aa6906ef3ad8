"""Reading iCalendar text as dates."""

from datetime import date
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest

from dispatchserver.domain.calendar import DateRange
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.ical import read_ical
from dispatchserver.messages import LANGUAGES, say_error

SHANGHAI = ZoneInfo("Asia/Shanghai")
TWO_YEARS = DateRange(date(2026, 1, 1), date(2027, 12, 31))


def an_event(*lines: str) -> str:
    inside = ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", *lines, "END:VEVENT"]
    return "\r\n".join([*inside, "END:VCALENDAR", ""])


def days(*lines: str, window: DateRange = TWO_YEARS, zone: ZoneInfo = SHANGHAI) -> list[str]:
    found = read_ical(an_event(*lines), zone, window)
    return [
        f"{r.first:%y-%m-%d}" if r.first == r.last else f"{r.first:%y-%m-%d}..{r.last:%d}"
        for r in found
    ]


def test_a_whole_day_event_ends_before_its_end() -> None:
    assert days("DTSTART;VALUE=DATE:20261001", "DTEND;VALUE=DATE:20261008") == ["26-10-01..07"]
    assert days("DTSTART;VALUE=DATE:20261001") == ["26-10-01"]
    assert days("DTSTART;VALUE=DATE:20261001", "DURATION:P3D") == ["26-10-01..03"]


def test_a_timed_event_excludes_every_day_it_touches() -> None:
    assert days("DTSTART:20261001T090000", "DTEND:20261002T000000") == ["26-10-01"]
    assert days("DTSTART:20261001T090000", "DTEND:20261002T000001") == ["26-10-01..02"]
    assert days("DTSTART:20261001T090000", "DURATION:PT1H30M") == ["26-10-01"]


def test_moments_are_taken_by_the_calendar_s_clock() -> None:
    assert days("DTSTART:20261001T170000Z") == ["26-10-02"]
    assert days("DTSTART;TZID=America/New_York:20261001T130000") == ["26-10-02"]
    assert days('DTSTART;TZID="America/New_York":20261001T110000') == ["26-10-01"]


def test_an_event_every_year() -> None:
    assert days("DTSTART:20200501", "RRULE:FREQ=YEARLY") == ["26-05-01", "27-05-01"]
    with_date = "RRULE:FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=1;UNTIL=20261231"
    assert days("DTSTART:20200501", with_date) == ["26-05-01"]
    assert days("DTSTART:20200501", "RRULE:FREQ=YEARLY;COUNT=7") == ["26-05-01"]
    assert days("DTSTART:20200501", "RRULE:FREQ=YEARLY;INTERVAL=7") == ["27-05-01"]
    leap = DateRange(date(2026, 1, 1), date(2033, 1, 1))
    assert days("DTSTART:20240229", "RRULE:FREQ=YEARLY", window=leap) == ["28-02-29", "32-02-29"]


def test_an_event_every_week() -> None:
    month = DateRange(date(2026, 3, 1), date(2026, 3, 31))
    every = "DTSTART:20260302"
    assert days(every, "RRULE:FREQ=WEEKLY;COUNT=3", window=month) == [
        "26-03-02",
        "26-03-09",
        "26-03-16",
    ]
    second = "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;UNTIL=20260322T000000Z"
    assert days(every, second, window=month) == ["26-03-02", "26-03-08", "26-03-16", "26-03-22"]
    from_sunday = "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU;COUNT=3"
    assert days(every, from_sunday, window=month) == ["26-03-02", "26-03-15", "26-03-16"]


def test_a_weekly_event_of_long_ago_is_still_in_step() -> None:
    week = DateRange(date(2026, 3, 1), date(2026, 3, 14))
    assert days("DTSTART:20260302", "RRULE:FREQ=WEEKLY;INTERVAL=2", window=week) == ["26-03-02"]
    assert days("DTSTART:19000101", "RRULE:FREQ=WEEKLY", window=week) == ["26-03-02", "26-03-09"]


def test_a_weekly_event_on_the_first_day_asked_for_is_found() -> None:
    week = DateRange(date(2026, 3, 1), date(2026, 3, 7))
    assert days("DTSTART:19000107", "RRULE:FREQ=WEEKLY", window=week) == ["26-03-01"]


def test_dates_left_out_and_cancelled_events_are_not_counted() -> None:
    rule = "RRULE:FREQ=YEARLY"
    assert days("DTSTART:20260501", rule, "EXDATE;VALUE=DATE:20260501,20250501") == ["27-05-01"]
    two = an_event("DTSTART:20260101", "STATUS:CANCELLED") + an_event("DTSTART:20260102")
    assert len(read_ical(two, SHANGHAI, TWO_YEARS)) == 1


def test_folded_lines_alarms_and_time_zones_are_no_trouble() -> None:
    text = an_event("DTSTART;VALUE=DA\r\n TE:2026\r\n\t1001", "SUMMARY:a:b;c, \\n 休假")
    zone = "BEGIN:VTIMEZONE\nBEGIN:STANDARD\nDTSTART:16010101T000000\nRRULE:FREQ=HOURLY\nEND:STANDARD\nEND:VTIMEZONE\n"
    alarm = "BEGIN:VALARM\r\nDURATION:garbage\r\nEND:VALARM\r\nEND:VEVENT"
    text = zone + "\ufeff".join(["", text])[1:].replace("END:VEVENT", alarm)
    assert read_ical(text, SHANGHAI, TWO_YEARS) == (
        DateRange(date(2026, 10, 1), date(2026, 10, 1)),
    )


def refusal(text: str) -> Invalid:
    with pytest.raises(Invalid) as caught:
        read_ical(text, SHANGHAI, TWO_YEARS)
    for lang in LANGUAGES:
        assert say_error(lang, caught.value) != caught.value.code
    return caught.value


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (("SUMMARY:x",), "ical_start"),
        (("DTSTART:2026-10-01",), "ical_date"),
        (("DTSTART:20260230",), "ical_date"),
        (("DTSTART:20261001T250000",), "ical_date"),
        (("DTSTART:00010101",), "ical_date"),
        (("DTSTART:99991231",), "ical_date"),
        (("DTSTART:20261001", "DTEND:20260901"), "ical_end"),
        (("DTSTART:20261001", "DTEND:20261001T090000"), "ical_end"),
        (("DTSTART:20261001", "DTEND:20280101"), "ical_end"),
        (("DTSTART:20261001", "DURATION:-P1D"), "ical_end"),
        (("DTSTART:20261001", "DURATION:P999W"), "ical_end"),
        (("DTSTART:20261001", "RDATE:20261002"), "ical_unread"),
        (("DTSTART:20261001", "RECURRENCE-ID:20261002"), "ical_unread"),
        (("DTSTART 20261001",), "ical_syntax"),
        (("END:VALARM",), "ical_syntax"),
        (("DTSTART:20301001",), "ical_empty"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_line(lines: tuple[str, ...], code: str) -> None:
    invalid = refusal(an_event(*lines))
    assert invalid.code == f"calendar.{code}"
    assert invalid.params.get("line", 4) in (3, 4, 5)


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        ("FREQ=MONTHLY", "FREQ=MONTHLY"),
        ("FREQ=DAILY;COUNT=3", "FREQ=DAILY"),
        ("INTERVAL=2", "FREQ="),
        ("FREQ=YEARLY;BYDAY=1MO", "BYDAY=1MO"),
        ("FREQ=YEARLY;BYMONTHDAY=-1", "BYMONTHDAY=-1"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY=1MO"),
        ("FREQ=WEEKLY;BYSETPOS=1", "BYSETPOS=1"),
        ("FREQ=WEEKLY;INTERVAL=0", "INTERVAL=0"),
        ("FREQ=WEEKLY;COUNT=1001", "COUNT=1001"),
        ("FREQ=WEEKLY;UNTIL=tomorrow", "UNTIL=TOMORROW"),
        ("FREQ=WEEKLY;COUNT=3;UNTIL=20270101", "UNTIL=20270101"),
    ],
)
def test_a_repetition_that_is_not_read_is_refused_by_name(rule: str, part: str) -> None:
    invalid = refusal(an_event("DTSTART:20261001", f"RRULE:{rule}"))
    assert invalid.code == "calendar.ical_rule"
    assert invalid.params["part"] == part
    assert invalid.params["line"] == 5


def test_an_unknown_zone_is_refused() -> None:
    assert refusal(an_event("DTSTART;TZID=China Standard Time:20261001T0900")).code != ""
    assert refusal(an_event("DTSTART;TZID=Nowhere:20261001T090000")).code == "trigger.zone"


def test_no_text_is_too_long_or_too_nasty() -> None:
    begun = perf_counter()
    assert refusal("x" * 1_000_001).code == "calendar.ical_size"
    assert refusal("").code == "calendar.ical_empty"
    assert refusal("BEGIN:VCALENDAR\nBEGIN:VEVENT\n").code == "calendar.ical_cut"
    refusal("DTSTART" + ';a="' * 200_000)
    refusal("BEGIN:" + "x" * 900_000)
    refusal("BEGIN:A\n" * 100_000)
    weekly = an_event("DTSTART:19000101", "RRULE:FREQ=WEEKLY;COUNT=1000")
    assert refusal(weekly * 300).code == "calendar.ical_too_many"
    assert refusal(an_event("DTSTART:20260101") * 5_001).code == "calendar.ical_too_many"
    assert perf_counter() - begun < 5
