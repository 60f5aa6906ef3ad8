"""The pages of calendars: the list, a year, the forms, and what they refuse."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from dispatchserver.domain.calendar import DateRange
from dispatchserver.domain.calendarspec import Absence, CalendarKey, CalendarSpec
from dispatchserver.domain.changing import Addition
from dispatchserver.domain.task import Policies
from tests.builders import a_key, a_spec, cron
from tests.pages.conftest import ADMIN, Answer, Browser, House

pytestmark = pytest.mark.usefixtures("still")
CN = CalendarKey(namespace="default", name="CN")
NATIONAL_DAY = Absence(DateRange(date(2026, 10, 1), date(2026, 10, 7)), "国庆节 <b>")
SPEC = CalendarSpec(
    weekdays=(6, 7), excluded=(NATIONAL_DAY,), working=(date(2026, 10, 10),), note="by HR"
)
EVENT = "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261225\r\nEND:VEVENT\r\n"
ICAL = f"BEGIN:VCALENDAR\r\n{EVENT}END:VCALENDAR\r\n"


@pytest.fixture
def still(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 30 September 2026, noon in Shanghai, whatever the wall clock says."""
    noon = datetime(2026, 9, 30, 4, tzinfo=UTC)
    monkeypatch.setattr(house.clock, "now", lambda: noon)


async def make(house: House, spec: CalendarSpec = SPEC, name: str = "CN") -> None:
    await house.calendars.put(CalendarKey(namespace="default", name=name), spec, ADMIN)


async def spec_of(house: House, name: str = "CN") -> CalendarSpec:
    return (await house.calendars.find(CalendarKey(namespace="default", name=name))).spec


async def use(house: House, calendar: str = "CN") -> None:
    policies = Policies(calendar=calendar)
    spec = a_spec(cron("0 0 9 * * ?"), policies=policies)
    await house.tasks.add(Addition(key=a_key("nightly"), spec=spec, at=house.clock.now()), ADMIN)


def cells(page: Answer) -> Iterator[tuple[str, str, str]]:
    """Of each date of the year: the date, how it is marked, and what is said of it."""
    for kind, rest in re.findall(r'<td class="(\w+)"(.*?)</td>', page.text):
        day = re.search(r'datetime="([^"]+)"', rest)
        words = re.search(r'title="([^"]*)"', rest)
        if day is not None:
            yield day[1], kind, words[1] if words else ""


def faults(page: Answer) -> list[str]:
    """The lines of the summary on top of a refused form."""
    assert page.status == 422
    (summary,) = re.findall(r'id="summary".*?</ul>', page.text, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", line) for line in re.findall(r"<li>(.*?)</li>", summary)]


async def test_without_calendars_there_are_ways_to_make_one(admin: Browser) -> None:
    page = await admin.get("/calendars")
    assert "还没有日历" in page.text
    for way in ("/calendars/new", "/calendars/holidays", "/calendars/import"):
        assert f'href="{way}"' in page.text
        assert (await admin.get(way)).status == 200


async def test_the_list_tells_of_each_calendar_its_days_its_users_and_what_is_next(
    admin: Browser, house: House
) -> None:
    await make(house)
    await use(house)
    page = await admin.get("/calendars")
    rows = re.findall(r"<tr>(.*?)</tr>", page.text, re.DOTALL)[1:]
    (words,) = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]
    # 104 days of weekends, 5 more by the holiday, less the made-up Saturday
    assert words.startswith("CN by HR 108 1 2026-10-01 国庆节 &lt;b&gt;")


async def test_a_calendar_of_weekly_rest_alone_names_the_next_of_these_days(
    admin: Browser, house: House
) -> None:
    await make(house, CalendarSpec(weekdays=(7,)))
    assert '2026-10-04</time> <span class="away">周日' in (await admin.get("/calendars")).text


async def test_a_year_tells_its_days_apart_in_words_and_in_marks(
    admin: Browser, house: House
) -> None:
    await make(house)
    page = await admin.get("/calendar", name="CN")
    days = {day: (kind, words) for day, kind, words in cells(page)}
    assert len(days) == 365
    assert days["2026-10-01"] == ("away", "国庆节 &lt;b&gt;（停用日期）")
    assert days["2026-10-03"][0] == "away"
    assert days["2026-10-10"] == ("made", "调休上班日")
    assert days["2026-10-11"] == ("rest", "每周休息日")
    assert days["2026-10-12"] == ("plain", "")
    assert page.text.count('<span class="mark" aria-hidden="true">休</span>') == 7 + 1  # the legend
    assert re.findall(r'aria-current="date"[^>]*><time datetime="([^"]+)"', page.text) == [
        "2026-09-30"
    ]


async def test_a_year_has_links_to_its_neighbours_and_back_to_today(
    admin: Browser, house: House
) -> None:
    await make(house)
    page = await admin.get("/calendar", name="CN", year="2028")
    assert len(list(cells(page))) == 366
    for year in ("2027", "2029"):
        assert f"/calendar?name=CN&amp;year={year}" in page.text
    assert "今年" in page.text
    assert "今年" not in (await admin.get("/calendar", name="CN")).text


@pytest.mark.parametrize("year", ["1970", "2999"])
async def test_the_first_and_the_last_year_are_shown(
    admin: Browser, house: House, year: str
) -> None:
    await make(house)
    page = await admin.get("/calendar", name="CN", year=year)
    assert (page.status, len(list(cells(page)))) == (200, 365)


@pytest.mark.parametrize("year", ["1969", "3000", "soon", "-1"])
async def test_a_year_that_is_none_is_refused(admin: Browser, house: House, year: str) -> None:
    await make(house)
    assert (await admin.get("/calendar", name="CN", year=year)).status == 400


async def test_a_calendar_names_the_tasks_that_use_it(admin: Browser, house: House) -> None:
    await make(house)
    page = await admin.get("/calendar", name="CN")
    assert "还没有任务使用这个日历" in page.text
    await use(house)
    page = await admin.get("/calendar", name="CN")
    assert '<a href="/task?group=group&amp;name=nightly">group / nightly</a>' in page.text


async def test_an_unknown_calendar_is_not_found_with_the_nearest_names(
    admin: Browser, house: House
) -> None:
    await make(house, name="CN-workdays")
    page = await admin.get("/calendar", name="CN-workday")
    assert page.status == 404
    assert "CN-workdays" in page.text


FORM = {
    "name": "plant 2",
    "note": "second\r\nplant",
    "weekday-6": "1",
    "weekday-7": "1",
    "excluded": "2026-12-25 Christmas\r\n\r\n 2026-10-01..2026-10-07  国庆节 \r\n2026-12-31",
    "working": "2026-10-10\r\n2026-10-10\r\n",
}


async def test_a_calendar_is_made_from_lines_of_dates(admin: Browser, house: House) -> None:
    answer = await admin.act("/calendars/new", **FORM)
    assert answer.headers["Location"] == "/calendar?name=plant+2&done=calendar_created"
    assert await spec_of(house, "plant 2") == CalendarSpec(
        weekdays=(6, 7),
        excluded=(
            Absence(DateRange(date(2026, 10, 1), date(2026, 10, 7)), "国庆节"),
            Absence(DateRange(date(2026, 12, 25), date(2026, 12, 25)), "Christmas"),
            Absence(DateRange(date(2026, 12, 31), date(2026, 12, 31))),
        ),
        working=(date(2026, 10, 10),),
        note="second\nplant",
    )


def fields(page: Answer) -> dict[str, str]:
    """What a browser would send if the form on the page were submitted as it stands."""
    _, form = page.text.split('class="task-form"')
    inputs = [
        dict(re.findall(r'(\w+)="([^"]*)"', tag)) | {"tag": tag}
        for tag in re.findall(r"<input[^>]*>", form)
    ]
    sent = {
        each["name"]: each["value"]
        for each in inputs
        if each.get("type") != "checkbox" or "checked" in each["tag"]
    }
    areas = re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>\n(.*?)</textarea>', form, re.DOTALL)
    return {name: html.unescape(value) for name, value in [*sent.items(), *areas]}


async def test_a_form_that_was_opened_and_saved_changes_nothing(
    admin: Browser, house: House
) -> None:
    await make(house)
    form = fields(await admin.get("/calendar/edit", name="CN"))
    assert (await admin.post("/calendar/edit", form)).status == 303
    stored = await house.calendars.find(CN)
    assert (stored.version, stored.spec) == (1, SPEC)


async def test_every_faulty_line_is_told_by_its_number_and_what_was_typed_stays(
    admin: Browser, house: House
) -> None:
    wrong = {
        "name": "a/b",
        "excluded": "2026-10-07..2026-10-01 x\r\nhello\r\n2026-02-30\r\n1969-01-01\r\n2026-01-01\r\n"
        f"2026-01-02 {'x' * 201}",
        "working": "2026-10-10 x\r\n2026-10-10..2026-10-11",
    }
    page = await admin.act("/calendars/new", **wrong)
    told = faults(page)
    assert [line.split("：")[0] for line in told] == ["名称"] + 5 * ["停用的日期"] + 2 * [
        "调休上班日"
    ]
    assert [found[1] for line in told if (found := re.search(r"第 (\d) 行", line))] == [
        *"12346",
        *"12",
    ]
    assert "2026-10-07..2026-10-01 x\nhello" in page.text.replace("\r\n", "\n")
    assert await house.calendars.list("default") == []


async def test_a_thousand_wrong_lines_are_told_by_the_first_few(admin: Browser) -> None:
    page = await admin.act("/calendars/new", name="x", excluded="wrong\r\n" * 1000)
    assert len(faults(page)) == 10


async def test_a_calendar_that_excludes_everything_is_refused(admin: Browser, house: House) -> None:
    every_day = {f"weekday-{n}": "1" for n in range(1, 8)}
    (told,) = faults(await admin.act("/calendars/new", name="x", **every_day))
    assert told.startswith("每周休息日：从今天起每一天都被停用")
    assert await house.calendars.list("default") == []


async def test_a_name_that_is_taken_is_refused_and_nothing_is_overwritten(
    admin: Browser, house: House
) -> None:
    await make(house)
    (told,) = faults(await admin.act("/calendars/new", name="CN"))
    assert "已有同名的日历" in told
    assert await spec_of(house) == SPEC


async def test_a_form_that_somebody_else_overtook_is_refused(admin: Browser, house: House) -> None:
    await make(house)
    await make(house, CalendarSpec(weekdays=(7,)))
    page = await admin.act("/calendar/edit", name="CN", version="1", note="late")
    (told,) = faults(page)
    assert "已被别人修改" in told
    assert 'href="/calendar/edit?name=CN"' in page.text
    assert await spec_of(house) == CalendarSpec(weekdays=(7,))


async def test_national_holidays_are_added_and_what_is_not_known_yet_is_told(
    admin: Browser, house: House
) -> None:
    await make(house, CalendarSpec(excluded=(NATIONAL_DAY,)))
    page = await admin.get("/calendars/holidays", name="CN")
    assert '<option value="CN">China</option>' in page.text
    assert 'value="2026-2027"' in page.text
    form = {"name": "CN", "country": "cn", "subdivision": "", "years": "2026, 2030"}
    answer = await admin.act("/calendars/holidays", **form, weekend="1")
    assert answer.status == 303
    page = await admin.get(answer.headers["Location"])
    assert "节假日已加入" in page.text
    assert "调休上班日目前只知道到" in page.text
    days = {day: kind for day, kind, _ in cells(page)}
    assert [days[f"2026-{day}"] for day in ("05-01", "05-09", "05-10")] == ["away", "made", "rest"]
    assert NATIONAL_DAY in (await spec_of(house)).excluded


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"country": "Chnia"}, "国家或地区：不是已知节假日的国家或地区；是不是 CN (China)"),
        ({"country": ""}, "国家或地区：必填"),
        ({"subdivision": "ZZ"}, "州、省或地区：请不要填写：CN 各地的节假日相同"),
        ({"years": "soon"}, "年份：必须是年份"),
        ({"years": "2027-2026"}, "年份：结束日期（2026）早于开始日期（2027）"),
        ({"years": "2000-2999"}, "年份：必须是 1 到 30 个年份"),
        ({"name": " "}, "名称：必填"),
    ],
)
async def test_holidays_that_cannot_be_added_are_refused_at_their_field(
    admin: Browser, house: House, changed: dict[str, str], words: str
) -> None:
    form = {"name": "CN", "country": "CN", "years": "2026", "weekend": "1"} | changed
    (told,) = faults(await admin.act("/calendars/holidays", **form))
    assert told.startswith(words)
    assert await house.calendars.list("default") == []


def multipart(**parts: str) -> tuple[bytes, dict[str, str]]:
    """A form as browsers send it where it has a file field."""
    lines = []
    for name, content in parts.items():
        file = '; filename="节日.ics"\r\nContent-Type: text/calendar' if name == "file" else ""
        lines += ["--XX", f'Content-Disposition: form-data; name="{name}"{file}', "", content]
    body = "\r\n".join([*lines, "--XX--", ""]).encode()
    return body, {"Content-Type": "multipart/form-data; boundary=XX"}


async def upload(admin: Browser, house: House, **parts: str) -> Answer:
    body, headers = multipart(csrf=admin.csrf, **parts)
    return await admin.send("/calendars/import", data=body, headers=headers | {"Origin": house.url})


@pytest.mark.parametrize("parts", [{"file": ICAL, "text": ""}, {"file": "", "text": ICAL}])
async def test_a_calendar_file_is_uploaded_or_pasted(
    admin: Browser, house: House, parts: dict[str, str]
) -> None:
    await make(house)
    answer = await upload(admin, house, name="CN", title="圣诞", **parts)
    assert answer.headers["Location"] == "/calendar?name=CN&done=calendar_imported"
    christmas = Absence(DateRange(date(2026, 12, 25), date(2026, 12, 25)), "圣诞")
    assert await spec_of(house) == SPEC.with_absences([christmas])


async def test_a_broken_file_is_shown_with_the_line_at_fault(admin: Browser, house: House) -> None:
    page = await upload(
        admin, house, name="CN", title="", text="", file="BEGIN:VEVENT\r\nhello\r\n"
    )
    (told,) = faults(page)
    assert "第 2 行" in told
    assert "BEGIN:VEVENT\nhello" in page.text.replace("\r\n", "\n")


async def test_nothing_to_import_and_every_other_fault_are_told_at_once(
    admin: Browser, house: House
) -> None:
    told = faults(await upload(admin, house, name="", title="x" * 201, text="", file=""))
    assert [line.split("：")[0] for line in told] == ["名称", "日期的名称", "或粘贴内容"]


async def test_an_upload_needs_the_csrf_token_like_any_form(admin: Browser, house: House) -> None:
    admin.csrf = "wrong"
    assert (await upload(admin, house, name="CN", title="", text=ICAL)).status == 403
    assert await house.calendars.list("default") == []


@pytest.mark.parametrize(
    "body", [b"", b"--XX", b"--XX\r\n\r\nx\r\n--XX--", b"--XX\r\n" * 1000, b"\xff\xfe"]
)
async def test_an_upload_that_is_no_form_is_refused(
    admin: Browser, house: House, body: bytes
) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=XX", "Origin": house.url}
    assert (await admin.send("/calendars/import", data=body, headers=headers)).status in (400, 403)


async def test_who_is_not_signed_in_sends_no_files(house: House) -> None:
    async with Browser.open(house) as stranger:
        body, headers = multipart(name="admin", password="x")
        answer = await stranger.send("/login", data=body, headers=headers | {"Origin": house.url})
        assert answer.status == 400


async def test_a_free_calendar_is_deleted_after_a_question(admin: Browser, house: House) -> None:
    await make(house)
    assert "没有任务在使用它" in (await admin.get("/calendar/delete", name="CN")).text
    answer = await admin.act("/calendar/delete", name="CN")
    assert answer.headers["Location"] == "/calendars?done=calendar_deleted"
    assert await house.calendars.list("default") == []


async def test_a_calendar_in_use_is_not_deleted_and_the_page_says_by_whom(
    admin: Browser, house: House
) -> None:
    await make(house)
    await use(house)
    asked = await admin.get("/calendar/delete", name="CN")
    assert "group / nightly" in asked.text
    assert 'action="/calendar/delete"' not in asked.text
    refused = await admin.act("/calendar/delete", name="CN")
    assert refused.status == 409
    assert "group/nightly" in refused.text
    assert await spec_of(house) == SPEC


async def test_no_page_of_calendars_is_open_to_strangers(house: House) -> None:
    paths = ["/calendars", "/calendar?name=CN", "/calendars/new", "/calendar/edit?name=CN"]
    paths += ["/calendars/import", "/calendars/holidays", "/calendar/delete?name=CN"]
    async with Browser.open(house) as stranger:
        for path in paths:
            assert (await stranger.get(path)).headers["Location"].startswith("/login")
            assert (await stranger.post(path.partition("?")[0], {})).status in (403, 405)


async def test_a_year_of_five_thousand_ranges_is_shown(admin: Browser, house: House) -> None:
    start = date(2026, 1, 1)
    many = [start + n * timedelta(days=2) for n in range(5000)]
    await make(house, CalendarSpec(excluded=tuple(Absence(DateRange(day, day)) for day in many)))
    page = await admin.get("/calendar", name="CN", year="2027")
    assert sum(kind == "away" for _, kind, _ in cells(page)) == 182
