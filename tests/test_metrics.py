"""What /metrics says, against what the receivers saw; and what docs/metrics.md says, against /metrics."""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from dispatchserver.domain.figures import Figures, Place
from dispatchserver.domain.fire import Decision
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.metrics import Metrics, band, destination_of
from tests.builders import a_fire, an_attempt
from tests.processes import Server, Sink, http, one_shot, process, server, sink, until

DOCS = Path(__file__).parent.parent / "docs"
NOTHING = Figures(ended=(), tasks={}, queue={})
SOON_S = 0.7


class Page:
    """A page of metrics, read as Prometheus reads it."""

    def __init__(self, text: str, read: Any = text_string_to_metric_families) -> None:
        self.families = list(read(text))
        self.samples = [sample for family in self.families for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """The sum of all samples of this name that have at least these labels."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def labels(self, name: str, label: str) -> set[str]:
        return {sample.labels[label] for sample in self.samples if sample.name == name}


async def scrape(running: Server) -> Page:
    async with running.api.session.get("/metrics") as reply:
        assert reply.status == 200
        return Page(await reply.text())


@asynccontextmanager
async def burst(folder: Path) -> AsyncIterator[tuple[Server, Sink, str]]:
    """A server that has called back 40 times with success and 25 times without; the sink; the other's host:port."""
    async with (
        sink() as owner,
        server(folder) as running,
        process(folder, "receiver", "--port", "0", "--socket-port", "0") as receiving,
    ):
        port = re.findall(r"\d+", await receiving.line())[0]
        failing = f"127.0.0.1:{port}"
        wanted = {
            "good": f"{owner.url}/?secret=s3cret",
            "broken": f"http://{failing}/fail?status=500",
        }
        wanted["unwilling"] = f"http://{failing}/fail"
        for name, count in {"good": 40, "broken": 15, "unwilling": 10}.items():
            for n in range(count):
                await running.api.add(one_shot(f"{name}{n}", SOON_S), http(wanted[name]))
        for n in range(40):
            await owner.received(f"good{n}")
        for n in range(15):
            await running.api.fires(f"broken{n}", "failed")
        await running.api.settled()
        yield running, owner, failing


async def test_the_figures_of_a_burst_are_what_the_receivers_saw(tmp_path: Path) -> None:
    async with burst(tmp_path) as (running, owner, failing):
        page = await scrape(running)
        async with running.api.session.get(f"http://{failing}/calls") as reply:
            refused = [call["path"] for call in (await reply.json())["calls"]]
    taken = len(owner.arrivals)
    assert (taken, len(refused)) == (40, 25)
    attempts = "dispatch_attempts_total"
    assert page.value(attempts, outcome="success", reason="none") == taken
    assert page.value(attempts, outcome="failure", reason="status") == 15
    assert page.value(attempts, outcome="failure", reason="contract") == 10
    assert page.value(attempts) == page.value("dispatch_lateness_seconds_count") == 65
    by_destination = "dispatch_destination_attempts_total"
    assert page.value(by_destination, destination=owner.url.removeprefix("http://")) == taken
    assert page.value(by_destination, destination=failing, outcome="failure") == len(refused)
    ended = "dispatch_fires_ended_total"
    assert page.value(ended, state="succeeded") == taken
    assert page.value(ended, state="failed", reason="status") == 15
    assert page.value(ended) == 65


async def test_a_quiet_server_says_that_all_is_done_and_nothing_is_stuck(tmp_path: Path) -> None:
    async with burst(tmp_path) as (running, _, _):
        page = await scrape(running)
    assert page.value("dispatch_tasks", state="finished") == 65
    assert page.value("dispatch_tasks") == 65
    assert page.value("dispatch_slots") == 2_000
    assert page.value("dispatch_in_flight") == page.value("dispatch_queue") == 0
    assert page.value("dispatch_stuck") == 0
    assert page.value("dispatch_commits_failed_total") == 0
    # each added and settled by itself, and planned and claimed together with others
    assert page.value("dispatch_commit_writes_sum") > 2 * 65
    assert page.value("dispatch_loop_passes_total", loop="planner", result="ok") >= 1
    assert page.labels("dispatch_loop_passes_total", "result") == {"ok"}


async def test_the_counts_of_the_log_go_on_over_a_restart(tmp_path: Path) -> None:
    async with sink() as owner:
        async with server(tmp_path) as running:
            await running.api.add(one_shot("once"), http(owner.url))
            await running.api.fires("once", "succeeded")
        async with server(tmp_path) as again:
            page = await scrape(again)
    assert page.value("dispatch_fires_ended_total", state="succeeded", reason="none") == 1
    assert page.value("dispatch_attempts_total") == 0


async def test_what_is_on_its_way_is_in_flight_and_the_rest_in_the_queue_by_its_priority(
    tmp_path: Path,
) -> None:
    async with sink() as owner, server(tmp_path, "--slots", "1", "--drain-timeout", "0") as running:
        await running.api.add(one_shot("first", priority=5), http(f"{owner.url}/hang"))
        await owner.received("first")
        for name, priority in {"a": 0, "b": 7, "c": 7, "d": 1000, "e": -1}.items():
            await running.api.add(one_shot(name, priority=priority), http(owner.url))
            await running.api.fires(name, "pending")
        page = await scrape(running)
    assert page.value("dispatch_in_flight") == 1
    depth = {band: page.value("dispatch_queue", priority=band) for band in ("<0", "0", "1-9")}
    assert depth == {"<0": 1, "0": 1, "1-9": 2}
    assert page.value("dispatch_queue", priority="100+") == 1


async def test_every_attempt_carries_the_span_of_its_fires_trace(tmp_path: Path) -> None:
    async with sink() as owner, server(tmp_path) as running:
        await running.api.add(one_shot("traced"), http(owner.url))
        (call,) = await owner.received("traced")
    version, trace, span, flags = call.headers["traceparent"].split("-")
    assert (version, trace, flags) == ("00", call.fire, "01")
    assert re.fullmatch(r"[0-9a-f]{16}", span) and int(span, 16)


async def test_the_log_tells_of_every_attempt_when_it_is_told_to_say_all(tmp_path: Path) -> None:
    async with (
        sink() as owner,
        server(tmp_path, "--log-level", "debug", "--log-format", "json") as running,
    ):
        await running.api.add(one_shot("traced"), http(owner.url))
        (call,) = await owner.received("traced")
        await running.api.fires("traced", "succeeded")
        said = running.process.said()
    (line,) = [line for line in said.splitlines() if "executor.attempted" in line]
    for fact in (
        call.fire,
        call.headers["traceparent"].split("-")[2],
        '"attempt": 1',
        '"tests"',
        '"traced"',
    ):
        assert fact in line


# The labels


def meter() -> Metrics:
    return Metrics("1.0", slots=4)


def shown(metrics: Metrics) -> Page:
    return Page(metrics.page("", NOTHING, 0)[0].decode())


def call(metrics: Metrics, url: str) -> None:
    attempt = an_attempt(a_fire(), Decision.SUCCESS)
    metrics.attempted(attempt, HttpRecall(url=url), timedelta(0))


def test_only_the_first_hundred_destinations_have_a_label_of_their_own() -> None:
    metrics, name = meter(), "dispatch_destination_attempts_total"
    for n in [*range(130), 0]:
        call(metrics, f"http://host{n}.test/")
    page = shown(metrics)
    assert len(page.labels(name, "destination")) == 101
    assert page.value(name, destination="other") == 30
    assert page.value(name, destination="host0.test:80") == 2
    assert page.value(name) == 131


def test_destinations_beyond_the_hundred_with_a_label_are_told_together() -> None:
    places = {f"host{n}.test:80": Place(in_flight=1, waiting=2, open=n > 90) for n in range(130)}
    page = Page(meter().page("", NOTHING, 0, places)[0].decode())
    assert len(page.labels("dispatch_destination_in_flight", "destination")) == 101
    assert page.value("dispatch_destination_in_flight", destination="other") == 30
    assert page.value("dispatch_destination_waiting") == 260
    assert page.value("dispatch_circuit_open", destination="host99.test:80") == 1
    assert page.value("dispatch_circuit_open", destination="host0.test:80") == 0
    assert page.value("dispatch_circuit_open", destination="other") == 30


async def test_what_waits_for_a_receiver_and_an_open_circuit_are_told(tmp_path: Path) -> None:
    async with sink() as owner, server(tmp_path, "--drain-timeout", "0") as running:
        name = owner.url.removeprefix("http://")
        for place, limits in ((name, {"slots": 1}), ("127.0.0.2:9", {"slots": 64})):
            path = f"/api/v1/destinations/{place}"
            async with running.api.session.put(path, json=limits) as reply:
                assert reply.status == 200
        for n in range(3):
            await running.api.add(one_shot(f"hangs{n}"), http(f"{owner.url}/hang"))
        for n in range(30):
            await running.api.add(one_shot(f"down{n}"), http("http://127.0.0.2:9/x"))

        async def told() -> Page | None:
            page = await scrape(running)
            waits = page.value("dispatch_destination_waiting", destination=name) == 2
            return page if waits and page.value("dispatch_circuit_open") == 1 else None

        page = await until(told)
    assert page.value("dispatch_destination_in_flight", destination=name) == 1
    assert page.value("dispatch_circuit_open", destination="127.0.0.2:9") == 1


def test_no_label_holds_a_path_or_a_query() -> None:
    metrics = meter()
    call(metrics, "https://host.test/hook/T0KEN?key=s3cret")
    text = metrics.page("", NOTHING, 0)[0].decode()
    assert 'destination="host.test:443"' in text
    assert "T0KEN" not in text and "s3cret" not in text


@pytest.mark.parametrize(
    ("address", "destination"),
    [
        ("http://Host.test/a", "host.test:80"),
        ("https://host.test:8443/a", "host.test:8443"),
        ("http://[::1]:81/", "[::1]:81"),
        ("[fe80::1]:9000", "[fe80::1]:9000"),
        ("host.test:9000", "host.test:9000"),
    ],
)
def test_a_destination_is_host_and_port(address: str, destination: str) -> None:
    assert destination_of(address) == destination


@pytest.mark.parametrize(
    ("priority", "name"),
    [(-5, "<0"), (0, "0"), (1, "1-9"), (9, "1-9"), (10, "10-99"), (99, "10-99"), (100, "100+")],
)
def test_every_priority_lies_in_one_band(priority: int, name: str) -> None:
    assert band(priority) == name


def test_a_caller_who_asks_for_openmetrics_gets_it() -> None:
    metrics = meter()
    call(metrics, "http://host.test/")
    accept = "application/openmetrics-text; version=1.0.0"
    text, content_type = metrics.page(accept, NOTHING, 0)
    page = Page(text.decode(), openmetrics_parser.text_string_to_metric_families)
    assert content_type.startswith("application/openmetrics-text")
    assert page.value("dispatch_attempts_total", outcome="success") == 1


# The documentation


def documented(page: str) -> set[str]:
    return set(re.findall(r"^\| `(dispatch_\w+)", (DOCS / page).read_text("utf-8"), re.MULTILINE))


def names(families: Iterable[Any]) -> set[str]:
    """The names that people query: a counter's ends in _total."""
    return {f"{one.name}_total" if one.type == "counter" else one.name for one in families}


@pytest.mark.parametrize("page", ["metrics.md", "metrics.zh.md"])
def test_the_page_lists_every_metric_and_no_other(page: str) -> None:
    assert documented(page) == names(shown(meter()).families)


@pytest.mark.parametrize("page", ["metrics.md", "metrics.zh.md"])
def test_the_alerts_on_the_page_ask_for_metrics_that_there_are(page: str) -> None:
    alerts = re.findall(r"expr: (.+)", (DOCS / page).read_text("utf-8"))
    asked = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for name in re.findall(r"dispatch_\w+", "\n".join(alerts))
    }
    assert len(alerts) >= 3
    assert asked <= names(shown(meter()).families)
