"""Stopping: what is in flight, what a restart finds, and what a server says that cannot start."""

import socket
from functools import partial
from itertools import pairwise
from pathlib import Path

from tests.processes import each_second, http, one_shot, process, serve, server, sink, until

STORM = 120


async def test_in_flight_callbacks_finish_and_nothing_is_lost_or_doubled_by_a_stop_under_load(
    tmp_path: Path,
) -> None:
    async with sink(hold=0.3) as receiver:
        async with server(tmp_path, "--slots", "20") as first:
            for number in range(STORM):
                await first.api.add(one_shot(f"storm{number}"), http(receiver.url))
            await receiver.received("storm0")
            assert await first.process.stop() == 0
        before = len(receiver.arrivals)
        assert 0 < before < STORM
        async with server(tmp_path, "--slots", "20") as second:
            await second.api.settled()
            fires = await second.api.all("/fires")
    assert len(fires) == STORM
    assert {(fire["state"], fire["attempts"]) for fire in fires} == {("succeeded", 1)}
    assert sorted(a.fire for a in receiver.arrivals) == sorted(fire["id"] for fire in fires)


async def test_a_hanging_receiver_holds_a_stop_no_longer_than_the_drain_limit(
    tmp_path: Path,
) -> None:
    async with sink() as receiver:
        async with server(tmp_path, "--drain-timeout", "0.5") as first:
            await first.api.add(one_shot("slow"), http(f"{receiver.url}/hang"))
            (hung,) = await receiver.received("slow")
            assert await first.process.stop() == 0
        async with server(tmp_path, "--drain-timeout", "0") as second:
            again = (await receiver.received("slow", 2))[1]
            history = await second.api.get(f"/fires/{hung.fire}")
    assert (again.fire, again.attempt) == (hung.fire, 2)
    (attempt,) = history["attempt_log"]
    assert attempt["outcome"]["reason"] == "interrupted"
    assert attempt["verdict"]["decision"] == "retry"


async def test_a_second_signal_ends_the_server_at_once(tmp_path: Path) -> None:
    async with sink() as receiver, server(tmp_path) as running:
        await running.api.add(one_shot("slow"), http(f"{receiver.url}/hang"))
        await receiver.received("slow")
        running.process.child.terminate()
        await until(partial(running.process.tells, "Stopping"))
        assert await running.process.stop() == 143


async def test_after_the_drain_limit_a_repeating_task_goes_on_where_it_was(tmp_path: Path) -> None:
    async with sink() as receiver:
        async with server(tmp_path) as first:
            await first.api.add(each_second("tick"), http(receiver.url))
            await receiver.received("tick", 2)
            assert await first.process.stop() == 0
        async with server(tmp_path) as second:
            await receiver.received("tick", 4)
            await second.api.do("pause", jobName="tick", groupName="tests")
            await second.api.settled()
    dues = [arrival.due for arrival in receiver.of("tick")]
    assert len(set(dues)) == len(dues)
    assert {(later - due).total_seconds() for due, later in pairwise(dues)} == {1.0}


async def test_a_second_server_on_the_same_database_is_refused_and_names_the_first(
    tmp_path: Path,
) -> None:
    async with server(tmp_path) as first, process(tmp_path, *serve()) as second:
        assert await second.ended() == 73
        assert f"in use by process {first.process.child.pid}" in second.said()
        assert (await first.api.get("/tasks"))["items"] == []


async def test_a_taken_port_is_told_in_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with process(tmp_path, *serve("--port", str(port))) as refused:
            assert await refused.ended() == 1
            said = refused.said()
    assert f"Cannot listen on 127.0.0.1:{port}" in said
    assert "Traceback" not in said
