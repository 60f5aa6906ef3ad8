"""`cron explain`: an expression in words, for people and for programs."""

import json

WORK = "0 15 9,13 ? * MON-FRI"
SHANGHAI = ("--tz", "Asia/Shanghai", "--start", "2026-11-22 00:00")


def test_people_read_words_fires_and_how_often(command):
    done = command("cron", "explain", WORK, *SHANGHAI, "--n", "2")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "every weekday at 09:15 and 13:15, starting on 2026-11-22 00:00:00",
        "",
        "Next fires, by the clock of Asia/Shanghai and in UTC:",
        "  2026-11-23 09:15:00+08:00  2026-11-23T01:15:00Z",
        "  2026-11-23 13:15:00+08:00  2026-11-23T05:15:00Z",
        "",
        "fires on such a day: 2; in the next 365 days: 520",
    ]


def test_it_speaks_the_terminals_language(command):
    done = command("cron", "explain", "0 0 2 31 * ?", "--tz", "UTC", DISPATCH_LANG="zh")
    first, *_, last = done.stdout.splitlines()
    assert first == "每月 31 日 02:00"
    assert last == "注意：2 月、4 月、6 月、9 月、11 月没有 31 日，这 5 个月没有这次触发。"


def test_programs_get_what_rest_answers(command):
    done = command("cron", "explain", WORK, *SHANGHAI, "--n", "1", "--json")
    doc = json.loads(done.stdout)
    assert doc["fires"] == [{"at": "2026-11-23T01:15:00Z", "local": "2026-11-23T09:15:00+08:00"}]
    rates = {"per_day", "per_day_exact", "per_year", "per_year_exact"}
    assert set(doc) == {"words", "zone", "fires", "notices"} | rates


def test_the_rule_for_clock_changes_is_heeded(command):
    asked = ("--tz", "America/New_York", "--start", "2027-03-14", "--n", "1", "--dst", "skip")
    done = command("cron", "explain", "0 30 2 * * ?", *asked)
    assert "2027-03-15 02:30:00-04:00" in done.stdout
    assert "Note: on 2027-03-14 the clocks go forward and 02:30 is left out" in done.stdout


def test_what_never_fires_has_no_list(command):
    done = command("cron", "explain", "0 0 2 * * ?", "--end", "2020-01-01")
    assert done.stdout.splitlines()[-1] == "Note: it never fires again."
    assert "Next fires" not in done.stdout


def test_all_faults_are_told_at_once(command):
    done = command("cron", "explain", "0 0 12 * *", "--tz", "Mars", "--start", "soon")
    assert (done.returncode, done.stdout) == (65, "")
    assert all(name in done.stderr for name in ("tz:", "expr:", "start:"))


def test_more_than_a_thousand_fires_are_no_answer_for_people(command):
    assert command("cron", "explain", WORK, "--n", "1001").returncode == 2
