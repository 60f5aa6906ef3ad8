"""What is measured, in Prometheus's words: a ports.Meter that keeps the figures, and the page that shows them."""

import platform
from collections import Counter as Counts
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import urlsplit

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    Info,
    ProcessCollector,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from dispatchserver.domain.figures import Ailment, Figures, Place, Stuck
from dispatchserver.domain.fire import Attempt
from dispatchserver.domain.recall import Recall
from dispatchserver.domain.retention import Stage
from dispatchserver.domain.task import TaskState
from dispatchserver.plainmetrics import Count, Spread

DESTINATION_LIMIT = 100
OTHER = "other"
NONE = "none"
FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
SLOW = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
# Priorities are any 32-bit numbers; the bands keep those apart that people choose.
BANDS = ("<0", "0", "1-9", "10-99", "100+")


class Metrics:
    """All figures of one server. Its labels are bounded, and hold no address beyond host and port, and no names."""

    def __init__(self, version: str, slots: int) -> None:
        self._registry = registry = CollectorRegistry()
        self._count_fires(registry)
        self._count_the_server(registry)
        self._destinations: set[str] = set()
        ProcessCollector(namespace="dispatch", registry=registry)
        build = Info("dispatch_build", "Version of the server and of Python.", registry=registry)
        build.info({"version": version, "python": platform.python_version()})
        Gauge("dispatch_slots", "Callbacks that may be in flight.", registry=registry).set(slots)

    def _count_fires(self, registry: CollectorRegistry) -> None:
        self._late = Spread(
            "dispatch_lateness_seconds",
            "From when an attempt was to run to when it started.",
            SLOW,
            registry,
        )
        self._took = Spread(
            "dispatch_attempt_seconds", "From the start of an attempt to its end.", SLOW, registry
        )
        self._attempts = Count(
            "dispatch_attempts",
            "Attempts that ended in this process.",
            ["outcome", "reason"],
            registry,
        )
        self._by_destination = Count(
            "dispatch_destination_attempts",
            "The same, by whom they called.",
            ["destination", "outcome"],
            registry,
        )

    def _count_the_server(self, registry: CollectorRegistry) -> None:
        self._passes = Count(
            "dispatch_loop_passes", "Passes of a loop.", ["loop", "result"], registry
        )
        self._lag = Spread(
            "dispatch_event_loop_lag_seconds",
            "How much later than asked the event loop woke a sleeper.",
            FAST,
            registry,
        )
        self._commit_sizes = Spread(
            "dispatch_commit_writes", "Writes in one commit.", SIZES, registry
        )
        self._commit_times = Spread(
            "dispatch_commit_seconds",
            "From the begin of a transaction to its durable end.",
            FAST,
            registry,
        )
        self._failed_commits = Count(
            "dispatch_commits_failed", "Transactions that stored nothing.", (), registry
        )
        self._stuck = Gauge(
            "dispatch_stuck", "Rows that nothing moves on; 0 is right.", ["kind"], registry=registry
        )
        self._degraded = Gauge(
            "dispatch_store_degraded",
            "1 while the disk takes no writes: nothing is stored, and nobody called.",
            registry=registry,
        )
        self.audited(Stuck())
        self._pruned = Count(
            "dispatch_pruned", "Old records that were deleted.", ["stage"], registry
        )
        for stage in Stage:
            self._pruned.add(stage, count=0)

    def attempted(self, attempt: Attempt, recall: Recall, late: timedelta) -> None:
        """See ports.Meter."""
        verdict = attempt.verdict
        self._late.observe(late.total_seconds())
        self._took.observe((attempt.ended_at - attempt.started_at).total_seconds())
        self._attempts.add(verdict.decision, verdict.reason or NONE)
        self._by_destination.add(self._bounded(destination_of(recall.address)), verdict.decision)

    def _bounded(self, destination: str) -> str:
        """The first hundred keep their names: a label for every host that ever was would never be forgotten."""
        if destination in self._destinations:
            return destination
        if len(self._destinations) >= DESTINATION_LIMIT:
            return OTHER
        self._destinations.add(destination)
        return destination

    def passed(self, loop: str, ok: bool) -> None:
        """See ports.Meter."""
        self._passes.add(loop, "ok" if ok else "failed")

    def lagged(self, late: timedelta) -> None:
        """See ports.Meter."""
        self._lag.observe(late.total_seconds())

    def audited(self, stuck: Stuck) -> None:
        """See ports.Meter."""
        for ailment in Ailment:
            self._stuck.labels(ailment).set(stuck.count(ailment))

    def pruned(self, stage: Stage, rows: int) -> None:
        """See ports.Meter."""
        self._pruned.add(stage, count=rows)

    def committed(self, writes: int, seconds: float, stored: bool) -> None:
        """A transaction of the store ended: see OnCommit."""
        self._commit_sizes.observe(writes)
        self._commit_times.observe(seconds)
        if not stored:
            self._failed_commits.add()

    def degraded(self, is_degraded: bool) -> None:
        """The disk takes no writes; or takes them again."""
        self._degraded.set(is_degraded)

    def page(
        self,
        accept: str,
        figures: Figures,
        in_flight: int,
        places: Mapping[str, Place] = MappingProxyType({}),
    ) -> tuple[bytes, str]:
        """All figures in the format that this Accept header prefers, and its content type."""
        encode, content_type = choose_encoder(accept)
        named = [(self._bounded(name), place) for name, place in places.items()]
        return encode(_Moment(self._registry, figures, in_flight, named)), content_type


class _Moment(Collector):
    """The registry, and what else is true just now."""

    def __init__(
        self,
        registry: CollectorRegistry,
        figures: Figures,
        in_flight: int,
        places: Iterable[tuple[str, Place]],
    ) -> None:
        self._registry = registry
        self._figures = figures
        self._in_flight = in_flight
        self._places = places

    def collect(self) -> Iterable[Metric]:
        yield from self._registry.collect()
        yield GaugeMetricFamily("dispatch_in_flight", "Callbacks in flight.", value=self._in_flight)
        yield from _placed(self._places)
        yield from _stored(self._figures)


def _placed(places: Iterable[tuple[str, Place]]) -> Iterable[Metric]:
    """By destination; those without a label of their own together."""
    flying: Counts[str] = Counts()
    waiting: Counts[str] = Counts()
    circuits: Counts[str] = Counts()
    for name, place in places:
        flying[name] += place.in_flight
        waiting[name] += place.waiting
        circuits[name] += place.open
    for metric, words, counts in (
        ("dispatch_destination_in_flight", "Callbacks in flight, by whom they call.", flying),
        ("dispatch_destination_waiting", "Due fires that wait for room at a receiver.", waiting),
        ("dispatch_circuit_open", "Circuits that are open: 1, or how many.", circuits),
    ):
        gauge = GaugeMetricFamily(metric, words, labels=["destination"])
        for name, value in counts.items():
            gauge.add_metric([name], value)
        yield gauge


def _stored(figures: Figures) -> Iterable[Metric]:
    ended = CounterMetricFamily(
        "dispatch_fires_ended", "Fires that ended, by the log.", labels=["state", "reason"]
    )
    for one in figures.ended:
        ended.add_metric([one.state, one.reason or NONE], one.fires)
    yield ended
    tasks = GaugeMetricFamily("dispatch_tasks", "Tasks.", labels=["state"])
    for state in TaskState:
        tasks.add_metric([state], figures.tasks.get(state, 0))
    yield tasks
    queue = GaugeMetricFamily(
        "dispatch_queue", "Due fires that wait for a slot.", labels=["priority"]
    )
    depth = dict.fromkeys(BANDS, 0)
    for priority, fires in figures.queue.items():
        depth[band(priority)] += fires
    for name, fires in depth.items():
        queue.add_metric([name], fires)
    yield queue


def band(priority: int) -> str:
    """The band that a priority lies in."""
    lows = (0, 1, 10, 100)
    return BANDS[sum(priority >= low for low in lows)]


@lru_cache(maxsize=1024)
def destination_of(address: str) -> str:
    """Host and port of a URL or of host:port; never its path or query, which may hold secrets."""
    scheme, found, _ = address.partition("://")
    if not found:
        return address
    parts = urlsplit(address)
    host = parts.hostname or ""
    port = parts.port or (443 if scheme == "https" else 80)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
