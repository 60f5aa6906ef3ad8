"""The trace of a fire and the spans of its attempts."""

import re

from dispatchserver.domain.fireids import scheduled_id
from dispatchserver.domain.tracing import span_id, traceparent
from tests.builders import a_task, at


def test_a_fire_is_one_trace_and_each_attempt_a_span_of_its_own():
    fire = scheduled_id(a_task(), at(0))
    headers = [traceparent(fire, attempt) for attempt in range(1, 6)]
    assert all(re.fullmatch(rf"00-{fire}-[0-9a-f]{{16}}-01", header) for header in headers)
    assert len(set(headers)) == 5


def test_a_span_is_the_same_wherever_it_is_worked_out():
    assert span_id("f" * 32, 1) == span_id("f" * 32, 1) != span_id("e" * 32, 1)
