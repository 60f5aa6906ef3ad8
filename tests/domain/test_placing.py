"""What a claim says of the room there is, and what it then gives out: the same number."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchserver.domain.breaker import REST, TROUBLE_LIMIT, Breaker
from dispatchserver.domain.destination import Allowance, Load
from dispatchserver.domain.placing import QUEUE_SHARE, Placing
from dispatchserver.domain.rate import Rate
from tests.builders import NOON, RECALL, a_fire

FEW = st.integers(0, 12)
MOMENTS = st.integers(-3_000, 3_000).map(lambda ms: NOON + timedelta(milliseconds=ms))
BREAKERS = st.sampled_from(
    (
        Breaker(),
        Breaker(failures=1),
        Breaker(failures=TROUBLE_LIMIT, rests_until=NOON),
        Breaker(failures=TROUBLE_LIMIT, rests_until=NOON + REST),
        Breaker(failures=TROUBLE_LIMIT, rests_until=NOON, probing=True),
    )
)
RATES = st.none() | st.builds(
    Rate, calls=st.integers(1, 9), per=st.just(timedelta(seconds=1)), burst=st.integers(1, 5)
)
SLOTS = st.integers(1, 12)
ALLOWANCES = st.builds(Allowance, slots=SLOTS) | st.builds(
    Allowance, slots=SLOTS, rate=RATES, paused=st.booleans()
)
LOADS = st.builds(
    Load,
    in_flight=FEW,
    ahead=st.integers(0, 3),
    rested_at=st.none() | MOMENTS,
    breaker=st.just(Breaker()) | BREAKERS,
    flow=st.floats(0, 20),
    flowed_at=st.just(NOON) | st.none() | MOMENTS,
)


@settings(max_examples=500)
@given(load=LOADS, allowance=ALLOWANCES, free=FEW, kept=st.integers(0, 4), most=st.none() | FEW)
def test_as_many_are_placed_as_it_was_said_to_have_room_for(load, allowance, free, kept, most):
    """Those who wait in the store are read by that number. Were it smaller than what is given out then, the less urgent
    would go that lie nearer.
    """
    placing = Placing(NOON, lambda _: load, lambda _: allowance, free=free, kept=kept)
    if most is not None:
        placing.most = {RECALL.destination: most}
    room = placing.room(RECALL.destination)
    placed = [placing.place(a_fire(), RECALL) for _ in range(40)]
    assert [one is not None for one in placed] == [True] * room + [False] * (40 - room)


@given(flow=st.integers(0, 100), free=st.integers(0, 100))
def test_those_that_stand_ready_leave_most_of_the_free_slots_to_others(flow, free):
    load = Load(in_flight=1, flow=flow, flowed_at=NOON)
    placing = Placing(NOON, lambda _: load, lambda _: Allowance(slots=1), free=free)
    assert placing.room(RECALL.destination) <= free // QUEUE_SHARE
