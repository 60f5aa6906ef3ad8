"""Policies as documents: what is written can be read back unchanged."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchserver.documents.policies import policies_doc, read_policies
from dispatchserver.documents.spans import span_text
from dispatchserver.domain.calendar import Shift
from dispatchserver.domain.concurrency import BusyRule, ConcurrencyKey, Overlap, OverlapRule
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader, as_duration
from dispatchserver.domain.misfirepolicy import (
    FireAll,
    FireOnce,
    Instruction,
    QuartzMisfire,
    SkipMissed,
)
from dispatchserver.domain.retrypolicy import UNASKED, Backoff, Delays, Failure, Retry
from dispatchserver.domain.task import Policies
from tests.documents.reading import through_json


def spans(least, most):
    return st.integers(least, most).map(lambda number: timedelta(milliseconds=number))


pauses = spans(50, 86_400_000)
retries = st.builds(
    Retry,
    pauses=st.builds(Delays, spans=st.lists(pauses, min_size=1, max_size=20).map(tuple))
    | st.builds(
        lambda one, other, **more: Backoff(base=min(one, other), cap=max(one, other), **more),
        pauses,
        pauses,
        most=st.integers(0, 20),
        factor=st.floats(1, 10),
        jitter=st.floats(0, 1),
    ),
    on=st.frozensets(st.sampled_from([*Failure, "404", "5xx"]).map(str), min_size=1),
    max_age=spans(50, 7 * 86_400_000),
)
overlaps = st.sampled_from(OverlapRule).map(lambda rule: Overlap(rule=rule)) | st.builds(
    Overlap, rule=st.just(OverlapRule.QUEUE_ALL), waiting=st.integers(1, 1_000)
)
keys = st.builds(
    ConcurrencyKey,
    name=st.sampled_from(["db", "数据库"]),
    limit=st.integers(1, 1_000),
    busy=st.sampled_from(BusyRule),
)
all_policies = st.builds(
    Policies,
    retry=st.just(UNASKED) | retries,
    overlap=overlaps,
    concurrency=st.none() | keys,
    jitter=st.none() | spans(1, 86_400_000),
    connect_timeout=st.none() | spans(50, 3_600_000),
    first_byte_timeout=st.none() | spans(50, 50),
    total_timeout=st.none() | spans(50, 3_600_000),
    report_timeout=st.none() | spans(50, 30 * 86_400_000),
    misfire=st.sampled_from([FireOnce(), SkipMissed()])
    | st.sampled_from(Instruction).map(QuartzMisfire)
    | st.builds(FireAll, limit=st.integers(1, 100), spacing=spans(0, 3_600_000)),
    misfire_grace=spans(0, 86_400_000),
    spread=st.none() | spans(1, 86_400_000),
    calendar=st.just("CN"),
    shift=st.sampled_from(Shift),
) | st.just(Policies())


def read(doc):
    faults = Faults()
    top = FieldReader({"policies": through_json(doc)}, faults)
    found = read_policies(top, None)
    top.refuse_unread()
    faults.raise_if_any()
    return found


@settings(deadline=None)
@given(all_policies)
def test_whatever_is_written_reads_the_same(policies):
    assert read(policies_doc(policies)) == policies


def test_what_a_task_does_not_say_is_shown_as_nothing():
    assert policies_doc(Policies()) == {
        "connectTimeout": None,
        "firstByteTimeout": None,
        "timeout": None,
        "reportTimeout": None,
        "retry": None,
        "overlap": {"policy": "allow"},
        "concurrencyKey": None,
        "misfire": {"policy": "fire_once"},
        "misfireGrace": "1m",
        "spread": None,
        "jitter": None,
        "calendar": None,
        "shift": None,
    }


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.3, "300ms"),
        (5, "5s"),
        (90, "90s"),
        (300, "5m"),
        (3600, "1h"),
        (86_400, "24h"),
    ],
)
def test_a_length_of_time_is_written_as_people_do(seconds, text):
    span = timedelta(seconds=seconds)
    assert span_text(span) == text
    assert as_duration(text) == span
