"""A simple trigger names its next fires at a stretch, the very ones that it finds one by one."""

from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from dispatchserver.domain.trigger import LAST_MOMENT, SimpleTrigger
from dispatchserver.domain.triggers import upcoming
from tests.builders import NOON

SHANGHAI = ZoneInfo("Asia/Shanghai")
SECONDS = st.integers(-50, 50).map(lambda number: timedelta(seconds=number))


@st.composite
def triggers(draw):
    interval = draw(st.none() | st.integers(1, 20).map(lambda number: timedelta(seconds=number)))
    ends = st.none() | SECONDS.map(lambda ahead: NOON + ahead)
    count = draw(st.none() | st.integers(1, 8)) if interval else 1
    start = NOON + draw(SECONDS)
    return SimpleTrigger(start=start, interval=interval, count=count, end=draw(ends), zone=SHANGHAI)


def one_by_one(trigger, moment, most):
    fires = []
    while len(fires) < most and (fire := trigger.next_after(fires[-1] if fires else moment)):
        fires.append(fire)
    return fires


@given(triggers(), SECONDS, st.integers(0, 12))
def test_at_a_stretch_as_one_by_one(trigger, ahead, most):
    fires = upcoming(trigger, NOON + ahead, most)
    assert fires == one_by_one(trigger, NOON + ahead, most)
    assert all(before < after for before, after in pairwise(fires))


def test_there_is_no_fire_after_the_last_moment():
    near = LAST_MOMENT - timedelta(days=200)  # its third fire is at that moment itself
    years = SimpleTrigger(start=near, interval=timedelta(days=100), count=None, zone=SHANGHAI)
    fires = upcoming(years, near - timedelta(days=1), 9)
    assert fires == one_by_one(years, near - timedelta(days=1), 9)
    assert len(fires) == 3
