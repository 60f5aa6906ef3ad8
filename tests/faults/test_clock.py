"""Group B, faults of the clock: it is set forward and back, stands still, runs through clock changes, and runs fast."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.faults.card import Line, is_long, note, rounds
from tests.faults.faketime import fast, wall_clock
from tests.faults.running import by_name, every, put, up
from tests.processes import Api, Arrival, Sink, ms, sink, until

SLACK_S = 3.0
"""What a busy machine may add to a time that is held to."""
HOUR_S = 3600
SECONDLY = {"kind": "cron", "expression": "* * * * * ?", "zone": "UTC"}
LOOPS = ["", "asyncio"] if is_long() else ["asyncio"]
"""What clocks are set under: with uvloop, a server under libfaketime needs twice as long to start."""
STEPS_S = [5, 3600] if is_long() else [3600]
GENTLE = ("--connect-timeout", "3600", "--total-timeout", "3600", "--dns-timeout", "3600")
"""On a clock that runs fast, a receiver takes long."""

needs_faketime = pytest.mark.needs("faketime")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def seconds_of(fires: Sequence[Mapping[str, Any]]) -> Counter[int]:
    """How often the log accounts for each second of a task that is due every second: as fired, or as missed."""
    told: Counter[int] = Counter()
    for fire in fires:
        due = round(at(fire["due_at"]).timestamp() * 1000)
        if fire["state"] == "succeeded":
            told[due] += 1
        if fire["missed"]:
            first, last = (
                round(at(fire["missed"][end]).timestamp() * 1000) for end in ("first", "last")
            )
            told.update(range(first, last + 1, 1000))
    return told


async def stilled(api: Api, names: Sequence[str]) -> None:
    """Pauses them, and waits for what is in flight; what was planned for later stays."""
    for name in names:
        await api.do("pause", jobName=name, groupName="tests")
    await until(lambda: none_running(api))


async def none_running(api: Api) -> bool:
    return not (await api.get("/fires", state="running", limit=1))["items"]


@needs_faketime
@pytest.mark.parametrize("hooks", LOOPS)
@pytest.mark.parametrize("step_s", STEPS_S)
async def test_what_a_step_forward_passes_over_is_settled_once_by_the_tasks_policy(
    tmp_path: Path, step_s: int, hooks: str
) -> None:
    policies = {
        "once": {"policy": "fire_once"},
        "never": {"policy": "skip"},
        "each": {"policy": "fire_all", "max": 4, "spacing": "0s"},
    }
    clock = wall_clock(tmp_path)
    async with sink() as receiver, up(tmp_path, hooks=hooks, **clock.environment) as server:
        for name, misfire in policies.items():
            await put(server.api, name, receiver.url, every(1, in_s=0.5), misfire=misfire)
        await put(server.api, "cron", receiver.url, SECONDLY)
        for name in (*policies, "cron"):
            await receiver.received(name, 2)
        clock.set(step_s)
        began = time.monotonic()
        stepped = len(receiver.arrivals)
        until_due = datetime.now(UTC) + timedelta(seconds=step_s)
        await until(lambda: all_past(receiver, (*policies, "cron"), until_due))
        recovered = time.monotonic() - began
        await asyncio.sleep(1)
        usual = time.monotonic() - began + 3
        burst = Counter(arrival.name for arrival in receiver.arrivals[stepped:])
        await stilled(server.api, (*policies, "cron"))
        fires = {name: await server.api.all("/fires", name=name) for name in (*policies, "cron")}
        assert await server.process.stop() == 0
    assert_once(receiver)
    for name, rows in fires.items():
        told = seconds_of(rows)
        gaps = [second for second in range(min(told), max(told), 1000) if second not in told]
        assert (gaps, [second for second in told if told[second] > 1]) == ([], []), name
    passed = {"once": 1, "never": 0, "each": 4, "cron": 1} if step_s > 60 else {}
    for name, count in burst.items():
        assert count <= passed.get(name, step_s) + usual, (name, burst)
    note(
        Line(
            fault="B1",
            what=f"the clock is set forward by {step_s} s",
            rounds=1,
            recovered_s=recovered,
            seen="each occasion accounted for once",
        )
    )


async def all_past(receiver: Sink, names: Sequence[str], moment: datetime) -> bool:
    """Whether each of the tasks has been called back for what is due after a moment."""
    return all(any(a.due > moment for a in receiver.of(name)) for name in names)


def assert_once(receiver: Sink) -> None:
    """No fire and no occasion was received twice."""
    assert max(Counter(arrival.fire for arrival in receiver.arrivals).values()) == 1
    dues = Counter((arrival.name, arrival.due) for arrival in receiver.arrivals)
    assert max(dues.values()) == 1, dues.most_common(3)


@needs_faketime
@pytest.mark.parametrize("hooks", LOOPS)
@pytest.mark.parametrize("step_s", STEPS_S)
async def test_after_a_step_back_nothing_fires_twice_and_intervals_are_not_silent(
    tmp_path: Path, step_s: int, hooks: str
) -> None:
    intervals = {"one": 1, "two": 2}
    clock = wall_clock(tmp_path)
    async with sink() as receiver, up(tmp_path, hooks=hooks, **clock.environment) as server:
        for name, interval in intervals.items():
            await put(server.api, name, receiver.url, every(interval, in_s=0.2))
        await put(server.api, "counted", receiver.url, every(1, 9, in_s=0.2))
        await put(server.api, "cron", receiver.url, SECONDLY)
        for name in (*intervals, "counted", "cron"):
            await receiver.received(name, 3)
        clock.set(-step_s)
        stepped = datetime.now(UTC)
        for name in intervals:
            await receiver.received(name, len(receiver.of(name)) + 2)
        await server.api.fires("counted", "pending", "succeeded", count=9)
        cron_again = step_s < HOUR_S and await until(lambda: all_past(receiver, ["cron"], stepped))
        names = (*intervals, "counted", "cron")
        server_now = datetime.now(UTC) - timedelta(seconds=step_s + SLACK_S)
        counted = await server.api.all("/fires", name="counted")
        await stilled(server.api, names)
        assert await server.process.stop() == 0
    assert_once(receiver)
    assert len(counted) == 9
    # what was planned, and not sent, when the clock was set back has its time still to come
    waiting = [at(fire["due_at"]) > server_now for fire in counted if fire["state"] == "pending"]
    assert all(waiting)
    # while a small step is made up, some of these are sent before the server is told to go
    assert 9 - len(waiting) <= len(receiver.of("counted")) <= 9
    longest = 0.0
    for name, interval in intervals.items():
        again = second_time(receiver.of(name))
        if not again and step_s < HOUR_S:
            continue  # this machine was so slow that the time was nearly made up before the server looked
        assert again, "silent until the clock has made up the time"
        silence = (again[0] - (stepped - timedelta(seconds=step_s))).total_seconds()
        longest = max(longest, silence)
        assert silence <= interval + 1 + SLACK_S, (name, silence)
        assert {b - a for a, b in pairwise(again)} <= {timedelta(seconds=interval)}
    note(
        Line(
            fault="B2",
            what=f"the clock is set back by {step_s} s",
            rounds=1,
            recovered_s=longest,
            seen="intervals of 1 s and 2 s go on; no occasion twice"
            + ("; cron goes on where it was" if cron_again else ""),
        )
    )


def second_time(arrivals: Sequence[Arrival]) -> list[datetime]:
    """The occasions of an interval since the clock was set back: a millisecond beside those of its grid."""
    phase = ms(arrivals[0].due) % 1000
    return sorted(arrival.due for arrival in arrivals if ms(arrival.due) % 1000 != phase)


@needs_faketime
async def test_a_machine_that_slept_catches_up_by_the_tasks_policy_and_loses_nothing_in_flight(
    tmp_path: Path,
) -> None:
    sleeps_s, stands_s = 8 * HOUR_S, rounds(2, 30)
    clock = wall_clock(tmp_path)
    async with (
        sink(hold=0.5) as receiver,
        up(tmp_path, hooks=LOOPS[0], **clock.environment) as server,
    ):
        await put(server.api, "often", receiver.url, every(1, in_s=0.2))
        await put(server.api, "slow", receiver.url, every(60, in_s=2))
        await receiver.received("often", 2)
        await receiver.received("slow")
        server.process.child.send_signal(signal.SIGSTOP)
        await asyncio.sleep(stands_s)
        clock.set(sleeps_s)
        awake = datetime.now(UTC) + timedelta(seconds=sleeps_s)
        server.process.child.send_signal(signal.SIGCONT)
        began = time.monotonic()
        await until(lambda: all_past(receiver, ["often"], awake))
        recovered = time.monotonic() - began
        await asyncio.sleep(1)
        await stilled(server.api, ["often", "slow"])
        fires = {name: await server.api.all("/fires", name=name) for name in ("often", "slow")}
        assert await server.process.stop() == 0
    told = seconds_of(fires["often"])
    assert [second for second in range(min(told), max(told), 1000) if told[second] != 1] == []
    (missed,) = [fire for fire in fires["often"] if fire["missed"]]
    assert missed["state"] == "succeeded"
    states = {fire["state"] for rows in fires.values() for fire in rows}
    assert states <= {"succeeded", "pending"}
    repeats = Counter(arrival.fire for arrival in receiver.arrivals)
    in_flight = sum(count > 1 for count in repeats.values())
    assert max(repeats.values()) <= 2, "what was in flight counts as lost after so long, once"
    assert in_flight <= 4
    note(
        Line(
            fault="B4",
            what="the machine sleeps for 8 h",
            rounds=1,
            recovered_s=recovered,
            seen=f"stopped for {stands_s} s; {in_flight} in flight repeated with their ids",
        )
    )


SPEED = 60 if is_long() else 600
EARLIER = "01:20:00" if is_long() else "00:20:00"
"""Before it is ready, a server has lived for a while."""
NEW_YORK = "America/New_York"
CHANGES = {
    "gap": (
        f"2026-03-08 {EARLIER}",
        "0 30 2 * * ?",
        ["2026-03-08T07:00:00Z"],  # 03:00 EDT, the first instant after
        ("2026-03-08T07:00:00Z", "2026-03-08T08:30:00Z"),
    ),
    "fold": (
        "2026-11-01 00:20:00",
        "0 30 1 * * ?",
        ["2026-11-01T05:30:00Z"],  # 01:30 EDT, and not again at 01:30 EST
        ("2026-11-01T05:00:00Z", "2026-11-01T07:30:00Z"),
    ),
}


async def live_through(folder: Path, change: str) -> None:
    """A server lives fast through a clock change in New York."""
    start, expression, expected, (first, last) = CHANGES[change]
    folder.mkdir()  # noqa: ASYNC240  (a test)
    halves = [
        at(first) + timedelta(minutes=30) * n
        for n in range((at(last) - at(first)) // timedelta(minutes=30) + 1)
    ]
    async with sink() as receiver:
        clock = fast(start, SPEED, NEW_YORK)
        async with up(folder, *GENTLE, "--timezone", NEW_YORK, **clock) as server:
            rule = {"kind": "cron", "zone": NEW_YORK}
            for name, text in (("daily", expression), ("half", "0 0/30 * * * ?")):
                trigger = {**rule, "expression": text}
                await put(server.api, name, receiver.url, trigger, misfireGrace="1h")
            async with asyncio.timeout(60 + 4 * HOUR_S / SPEED):
                while at(last) not in {arrival.due for arrival in receiver.of("half")}:  # noqa: ASYNC110  (another process)
                    await asyncio.sleep(0.1)
            assert await server.process.stop() == 0
    seen = {
        name: sorted(a.due for a in found) for name, found in by_name(receiver.arrivals).items()
    }
    assert seen["daily"] == [at(due) for due in expected], change
    assert [due for due in seen["half"] if at(first) <= due <= at(last)] == halves, change
    assert_once(receiver)


@needs_faketime
async def test_in_new_york_a_named_time_fires_once_at_each_clock_change_and_a_rhythm_goes_on(
    tmp_path: Path,
) -> None:
    await asyncio.gather(*(live_through(tmp_path / change, change) for change in CHANGES))
    note(
        Line(
            fault="B5",
            what="the hour left out and the hour that comes twice",
            rounds=len(CHANGES),
            seen=f"New York, {SPEED} times as fast",
        )
    )


@needs_faketime
async def test_leap_days_fire_and_days_that_never_come_are_refused_with_the_reason(
    tmp_path: Path,
) -> None:
    never = ["0 0 0 30 2 ?", "0 0 0 31 4,6 ?", "0 0 0 29 2 ? 2029", "0 0 0 1 1 ? 2027"]
    clock = fast("2028-02-28 23:55:00", 60, "UTC")
    rule = {"kind": "cron", "zone": "UTC"}
    async with sink() as receiver, up(tmp_path, *GENTLE, **clock) as server:
        for expression in never:
            assert "never" in await refused(server.api, {**rule, "expression": expression})
        await refused(server.api, {"kind": "simple", "start": "9999-12-31T23:59:59Z"})
        await refused(server.api, {"kind": "simple", "start": "12345-01-01T00:00:00Z"})
        leap = await put(server.api, "leap", receiver.url, {**rule, "expression": "0 0 0 29 2 ?"})
        assert at(leap["next_fire_at"]) == at("2028-02-29T00:00:00Z")
        far = await put(
            server.api, "far", receiver.url, {**rule, "expression": "0 0 0 29 2 ? 2096"}
        )
        assert at(far["next_fire_at"]) == at("2096-02-29T00:00:00Z")
        (arrival,) = await receiver.received("leap")
        assert arrival.due == at("2028-02-29T00:00:00Z")
        leap = await server.api.get("/tasks/tests/leap")
        assert at(leap["next_fire_at"]) == at("2032-02-29T00:00:00Z")
        assert "loop.failed" not in server.process.said()
        assert await server.process.stop() == 0
    note(
        Line(
            fault="B6",
            what="29 and 30 February, the far future",
            rounds=len(never) + 4,
            seen="fires, or is refused with the reason",
        )
    )


async def refused(api: Api, trigger: dict[str, Any]) -> str:
    """What a server says of a trigger that it refuses; nothing of the task is there then."""
    document = {"trigger": trigger, "recall": {"kind": "HTTP", "url": "http://127.0.0.1:9/"}}
    async with api.session.put("/api/v1/tasks/tests/refused", json=document) as reply:
        told = await reply.json()
        assert reply.status == 400, (trigger, told)
    async with api.session.get("/api/v1/tasks/tests/refused") as reply:
        assert reply.status == 404
    (error,) = told["errors"]
    assert error["field"].startswith("trigger"), error
    return str(error["message"])


@needs_faketime
async def test_a_long_time_of_schedule_is_kept_to_the_last_fire(tmp_path: Path) -> None:
    hours = 24 if is_long() else 1
    start = at("2026-06-01T00:00:00Z")
    patient = {"misfireGrace": "1h"}  # a tenth of a second of ours is a minute there
    rules = {
        "cron": ({"kind": "cron", "expression": "0 0/5 * * * ?", "zone": "UTC"}, 300),
        "interval": ({"kind": "simple", "start": start.isoformat(), "interval_s": 600}, 600),
        "quarter": ({"kind": "cron", "expression": "0 0/15 * * * ?", "zone": "UTC"}, 900),
    }
    async with sink() as receiver:
        clock = fast("2026-06-01 00:00:00", 600, "UTC")
        async with up(tmp_path, *GENTLE, **clock) as server:
            for name, (trigger, _) in rules.items():
                await put(server.api, name, receiver.url, trigger, **patient)
            (first, *_) = await receiver.received("cron")
            last = first.due + timedelta(hours=hours)
            async with asyncio.timeout(60 + hours * HOUR_S / 600 * 2):
                while not await all_past(receiver, list(rules), last):  # noqa: ASYNC110  (another process)
                    await asyncio.sleep(0.1)
            assert await server.process.stop() == 0
    assert_once(receiver)
    lost = 0
    for name, (_, every_s) in rules.items():
        dues = {ms(arrival.due) for arrival in receiver.of(name)}
        grid = range(ms(start), ms(last), every_s * 1000)
        lost += sum(due not in dues for due in grid if due >= min(dues))
    assert lost == 0
    note(
        Line(
            fault="B7",
            what=f"{hours} h of schedule, 600 times as fast",
            rounds=1,
            lost=lost,
            seen=f"{len(receiver.arrivals)} callbacks",
        )
    )


async def test_random_fields_of_cron_are_refused_and_the_word_is_explained(tmp_path: Path) -> None:
    words = ["0 R R * * ?", "0 H H * * ?", "0 H/15 * * * ?", "R * * * * ?", "0 0 R(0-5) * * ?"]
    async with up(tmp_path) as server:
        told = [
            await refused(server.api, {"kind": "cron", "expression": word, "zone": "UTC"})
            for word in words
        ]
        assert await server.process.stop() == 0
    assert all("R" in text or "H" in text for text in told), told
    note(
        Line(
            fault="B8",
            what="random fields of cron",
            rounds=len(words),
            seen="refused: the ids of fires would not be certain",
        )
    )
