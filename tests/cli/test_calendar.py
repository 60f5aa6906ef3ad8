"""`calendar`: makes, shows and changes the calendars of a running server, in another process than the server."""

import json
import urllib.request
from urllib.parse import urlencode

import pytest

from tests.cli.test_task import RECALL

ICAL = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20990501\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


@pytest.fixture
def calendar(command, url, tmp_path):
    """Runs `calendar …` against the server, in a folder with the files written there."""

    def run(*args, lang="en"):
        return command("calendar", *args, DISPATCH_URL=url, DISPATCH_LANG=lang)

    return run


def shown(calendar, name):
    return json.loads(calendar("show", name).stdout)


def test_national_holidays_make_a_calendar_named_by_its_country(calendar):
    done = calendar("holidays", "cn", "--years", "2026")
    assert done.stderr == ""
    assert done.stdout.startswith("Calendar CN is saved, version 1. Named: holidays ")
    lines = calendar("preview", "CN", "--from", "2026-10-03", "--to", "2026-10-11").stdout
    assert lines.splitlines() == [
        "2026-10-03  excluded  National Day",
        "2026-10-04  excluded",
        "2026-10-05  excluded  National Day (observed)",
        "2026-10-06  excluded  Day off (substituted from 09/20/2026)",
        "2026-10-07  excluded  Day off (substituted from 10/10/2026)",
        "2026-10-10  worked",
        "2026-10-11  excluded",
    ]


def test_what_is_not_known_yet_is_told_beside_the_output(calendar):
    done = calendar("holidays", "CN", "--years", "2026-2030", "--name", "later", lang="zh")
    assert done.returncode == 0
    assert "调休上班日目前只知道到" in done.stderr


def test_programs_get_the_whole_answer_as_json(calendar):
    args = ["US", "--years", "2026,2028", "--subdivision", "CA", "--no-weekend", "--language", "en"]
    doc = json.loads(calendar("holidays", *args, "--json").stdout)
    assert (doc["name"], doc["weekdays"], doc["notices"]) == ("US", [], [])
    assert {each["first"][:4] for each in doc["excluded"]} == {"2026", "2028"}


def test_a_calendar_that_was_shown_can_be_edited_and_put_back(calendar, tmp_path):
    file = tmp_path / "plant.json"
    file.write_text(json.dumps({"name": "plant/2", "weekdays": [7]}))
    assert "plant/2" in calendar("put", str(file)).stderr  # no / in a name
    calendar("put", str(file), "--name", "plant 2")
    doc = shown(calendar, "plant 2") | {"note": "second plant", "weekdays": [6, 7]}
    file.write_text(json.dumps(doc), encoding="utf-8-sig")
    assert calendar("put", str(file)).stdout == "Calendar plant 2 is saved, version 2.\n"
    assert shown(calendar, "plant 2")["weekdays"] == [6, 7]


def test_the_dates_of_a_calendar_file_are_added(calendar, tmp_path):
    file = tmp_path / "days.ics"
    file.write_bytes(ICAL.encode())
    refused = calendar("import-ical", str(file), "--name", "imported", "--title", "五一")
    assert "BEGIN:VEVENT with DTSTART" in refused.stderr  # more than ten years ahead
    file.write_bytes(ICAL.replace("2099", "2027").encode())
    calendar("import-ical", str(file), "--name", "imported", "--title", "五一")
    assert shown(calendar, "imported")["excluded"] == [
        {"first": "2027-05-01", "last": "2027-05-01", "title": "五一"}
    ]


def test_calendars_are_listed_one_a_line_with_who_uses_them(calendar, command, url, tmp_path):
    file = tmp_path / "night.json"
    file.write_text('{"excluded": [{"first": "2099-01-01"}], "note": "夜班"}')
    calendar("put", str(file), "--name", "night")
    add_task_under(url, "night")
    (line,) = [each for each in calendar("list").stdout.splitlines() if "night" in each]
    assert line == "night  ranges 1  tasks 1  夜班"
    docs = [json.loads(each) for each in calendar("list", "--json").stdout.splitlines()]
    assert [each["tasks"] for each in docs if each["name"] == "night"] == [1]
    assert shown(calendar, "night")["used_by"] == ["group/under night"]
    refused = calendar("delete", "night")
    assert refused.returncode == 1
    assert "group/under night" in refused.stderr


def add_task_under(url, name):
    form = {"taskConfig": json.dumps(task_config(name)), "recallConfig": RECALL}
    request = urllib.request.Request(f"{url}/add.do", urlencode(form).encode())
    with urllib.request.urlopen(request) as reply:
        assert json.loads(reply.read())["success"]


def task_config(name):
    return {
        "triggerType": "CronTrigger",
        "groupCode": "group",
        "jobCode": f"under {name}",
        "cronExpress": "0 0 12 * * ?",
        "policies": {"calendar": name},
    }


def test_a_deleted_calendar_is_gone(calendar, tmp_path):
    calendar("holidays", "DE", "--years", "2026")
    assert calendar("delete", "DE").returncode == 0
    assert "There is no calendar DE" in calendar("show", "DE").stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("holidays", "Chnia", "--years", "2026"), "country: is no country"),
        (("holidays", "CN", "--years", "soon"), "--years: must be years such as"),
        (("holidays", "CN", "--years", "2027-2026"), "--years: ends (2026) before it begins"),
        (("holidays", "CN", "--years", "1900"), "--years: must name 1 to 30 years"),
        (("preview", "CN", "--from", "x", "--to", "2026-01-01"), "from: must be a date"),
        (("put", "wrong.json"), "--name: is required"),
        (("put", "broken.json", "--name", "x"), "FILE: "),
        (("put", "backwards.json", "--name", "x"), "excluded[0].last: ends (2026-10-01) before"),
        (("put", "unknown.json", "--name", "x"), "colour: "),
        (("put", "all.json", "--name", "x"), "excludes every day"),
    ],
)
def test_what_is_wrong_is_told_with_its_field(calendar, tmp_path, args, words):
    (tmp_path / "wrong.json").write_text("{}")
    (tmp_path / "broken.json").write_text("[]")
    (tmp_path / "unknown.json").write_text('{"colour": "red"}')
    (tmp_path / "all.json").write_text('{"weekdays": [1, 2, 3, 4, 5, 6, 7]}')
    backwards = {"excluded": [{"first": "2026-10-07", "last": "2026-10-01"}]}
    (tmp_path / "backwards.json").write_text(json.dumps(backwards))
    done = calendar(*args)
    assert done.returncode != 0
    assert words in done.stderr
    assert calendar("show", "x").returncode == 1
