"""The first fire of a trigger, which is remembered for others that ask the same of it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.triggers import first_fire
from tests.builders import NOON, at, cron
from tests.shapes import BERLIN, unix

CRONS = [
    cron("0 30 2 * * ?", "Europe/Berlin"),
    cron("0/7 * * ? * MON-FRI"),
    cron("0/7 * * ? * MON-FRI", start=at(500_000)),
    unix("0 3 1 * *", BERLIN.key),
]
asked = st.lists(
    st.tuples(
        st.sampled_from(CRONS),
        st.integers(0, 3 * 10**7) | st.sampled_from([0, 1, 1_000, 500_000_000]),
    ),
    max_size=12,
)


@given(asked)
def test_it_is_the_same_whatever_was_asked_before_and_in_which_order(questions):
    for trigger, ms in questions:
        now = NOON + timedelta(milliseconds=ms)
        assert first_fire(trigger, now) == trigger.next_after(now - MILLISECOND)


def test_one_that_never_comes_is_refused_each_time():
    for _ in range(2):
        with pytest.raises(Invalid, match=r"trigger\.never"):
            first_fire(cron("0 0 0 30 2 ?"), NOON)
