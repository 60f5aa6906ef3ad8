"""Counters and histograms in plain numbers, for Prometheus to collect.

prometheus_client's own take a lock and check themselves at each step, for threads that there are none of here: everything
is counted in the event loop's. That cost more than all the rest of telling an attempt.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


class Count(Collector):
    """A counter for each set of label values; without labels, one that begins at 0."""

    def __init__(
        self, name: str, words: str, labels: Sequence[str], registry: CollectorRegistry
    ) -> None:
        self._name = name
        self._words = words
        self._labels = labels
        self._counts: dict[tuple[str, ...], int] = {} if labels else {(): 0}
        registry.register(self)

    def add(self, *values: str, count: int = 1) -> None:
        """Counts so many for these values of the labels."""
        self._counts[values] = self._counts.get(values, 0) + count

    def collect(self) -> Iterable[Metric]:
        """See Collector."""
        family = CounterMetricFamily(self._name, self._words, labels=self._labels)
        for values, count in self._counts.items():
            family.add_metric([str(value) for value in values], count)
        yield family


class Spread(Collector):
    """A histogram: how many values were no larger than each of `bounds`, which ascend."""

    def __init__(
        self, name: str, words: str, bounds: Sequence[float], registry: CollectorRegistry
    ) -> None:
        self._name = name
        self._words = words
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        registry.register(self)

    def observe(self, value: float) -> None:
        """Counts one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def collect(self) -> Iterable[Metric]:
        """See Collector."""
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        buckets = list(zip(names, accumulate(self._counts), strict=True))
        yield HistogramMetricFamily(self._name, self._words, buckets=buckets, sum_value=self._sum)
