"""Which of several addresses a call tries: each rule's order, rounds of repetitions, and who rests."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchserver.domain.breaker import Breaker
from dispatchserver.domain.destination import Allowance, Load
from dispatchserver.domain.fire import Decision, Delivery, Outcome, Reason
from dispatchserver.domain.judging import Terms, judge
from dispatchserver.domain.placing import Placing
from dispatchserver.domain.recall import HttpRecall, SocketRecall
from dispatchserver.domain.retrypolicy import Delays, Retry
from dispatchserver.domain.route import Route, RouteRule
from dispatchserver.domain.routing import (
    Sight,
    another_left,
    choose,
    hash_key,
    in_order,
    tried_with,
)
from tests.builders import NOON, a_fire, an_outcome

BY_CUSTOMER = Route(rule=RouteRule.HASH, by="$.order.customer")
NEVER = Retry(pauses=Delays(spans=()))
SPREADING = [rule for rule in RouteRule if rule.goes_on]


def to(count=3, rule=RouteRule.FAILOVER, *, by=None, data=None):
    """A recall of so many addresses: http://r0.test/, http://r1.test/, …"""
    url, *also = (f"http://r{n}.test/" for n in range(count))
    return HttpRecall(url=url, also=tuple(also), data=data, route=Route(rule=rule, by=by))


def sight(in_flight=(0, 0, 0), resting=(), turn=0):
    rests = [index in resting for index in range(len(in_flight))]
    return Sight(in_flight=in_flight, resting=rests, turn=turn)


def tries(recall, seen=None, **fire):
    return choose(a_fire(**fire), recall, seen or sight()).to_try


def test_first_is_only_ever_the_first_even_when_it_rests():
    assert tries(to(rule=RouteRule.FIRST)) == (0,)
    assert tries(to(rule=RouteRule.FIRST), sight(resting={0}), attempts=3, tried=0b1) == (0,)


def test_failover_takes_the_first_that_does_not_rest():
    assert tries(to()) == (0, 1, 2)
    assert tries(to(), sight(resting={0})) == (1, 2)


def test_round_robin_begins_with_whose_turn_it_is():
    assert [tries(to(rule=RouteRule.ROUND_ROBIN), sight(turn=n))[0] for n in range(3)] == [0, 1, 2]
    assert tries(to(rule=RouteRule.ROUND_ROBIN), sight(turn=2)) == (2, 0, 1)


def test_least_busy_takes_who_has_the_fewest_calls_and_chance_among_equals():
    least = to(rule=RouteRule.LEAST_BUSY)
    assert tries(least, sight((2, 0, 1))) == (1, 2, 0)
    first = Counter(tries(least, sight((1, 1, 3)), id=f"{n:032x}")[0] for n in range(200))
    assert set(first) == {0, 1} and min(first.values()) > 50


def test_random_is_another_for_every_fire_and_attempt_and_the_same_whenever_it_is_asked():
    chance = to(rule=RouteRule.RANDOM)
    orders = [tries(chance, id=f"{n:032x}", attempts=n % 3) for n in range(600)]
    assert orders == [tries(chance, id=f"{n:032x}", attempts=n % 3) for n in range(600)]
    counts = Counter(orders)
    assert len(counts) == 6 and min(counts.values()) > 50


@pytest.mark.parametrize("rule", SPREADING)
@given(
    count=st.integers(2, 50),
    turn=st.integers(0, 49),
    seed=st.integers(0, 2**64),
    busy=st.lists(st.integers(0, 9), min_size=50, max_size=50),
)
def test_every_rule_tries_every_address_once(rule, count, turn, seed, busy):
    recall = to(count, rule, by="$.a", data={"a": seed})
    seen = sight(busy[:count], turn=turn % count)
    assert sorted(in_order(a_fire(id=f"{seed:032x}"), recall, seen)) == list(range(count))


@given(st.sampled_from(SPREADING), st.sets(st.integers(0, 4)), st.integers(0, 31))
def test_nobody_is_sent_to_who_rests(rule, resting, tried):
    recall, seen = to(5, rule, by="$.a"), sight([0] * 5, resting)
    choice = choose(a_fire(tried=tried), recall, seen)
    assert resting.isdisjoint(choice.to_try)
    assert bool(choice.to_try) == (len(resting) < 5)
    assert choice.waits_for and set(choice.to_try) <= set(choice.waits_for)


@given(st.sampled_from(SPREADING), st.integers(2, 50), st.integers(0, 2**32))
def test_a_round_of_repetitions_tries_every_address_once(rule, count, seed):
    recall = to(count, rule, by="$.a", data=seed)
    fire, went = a_fire(id=f"{seed:032x}"), []
    for attempt in range(2 * count):
        index = choose(fire, recall, sight([0] * count)).to_try[0]
        went.append(index)
        tried = tried_with(fire, recall, recall.addresses[index])
        fire = replace(fire, attempts=attempt + 1, tried=tried)
        assert another_left(recall, tried) == (attempt + 1 not in (count, 2 * count))
    assert sorted(went[:count]) == sorted(went[count:]) == list(range(count))


def test_when_all_that_are_left_rest_a_tried_one_is_tried_again_and_ends_the_round():
    fire, seen = a_fire(tried=0b001), sight(resting={1, 2})
    assert choose(fire, to(), seen).to_try == (0,)
    assert tried_with(fire, to(), "http://r0.test/") == 0b111
    assert not another_left(to(), 0b111)


def test_one_that_is_only_busy_is_waited_for_by_who_has_tried_the_others():
    assert choose(a_fire(tried=0b011), to(), sight((0, 0, 9))).waits_for == (2,)


@pytest.mark.parametrize(
    ("data", "by", "key"),
    [
        ({"order": {"customer": "x"}}, "$.order.customer", '"x"'),
        ({"order": {"customer": 7}}, "$.order.customer", "7"),
        ({"order": {"客户": "x"}}, "$.order.客户", '"x"'),
        ({"order": {"customer": None}}, "$.order.customer", "null"),
        ({"order": 5}, "$.order.customer", hash_key(Route(), {"order": 5})),
        ("text", "$.order.customer", '"text"'),
        (None, "$.order.customer", "null"),
    ],
)
def test_the_hash_looks_at_its_path_and_at_all_of_the_data_where_that_leads_nowhere(data, by, key):
    assert hash_key(Route(rule=RouteRule.HASH, by=by), data) == key


def test_the_hash_does_not_mind_in_which_order_an_object_names_its_keys():
    one, other = {"a": 1, "b": [{"c": 2, "d": 3}]}, {"b": [{"d": 3, "c": 2}], "a": 1}
    assert hash_key(Route(), one) == hash_key(Route(), other) != hash_key(Route(), {"a": 1})


@given(st.integers(3, 20), st.lists(st.text(), min_size=1, max_size=50))
def test_without_an_address_only_its_own_share_moves(count, customers):
    whole = to(count)
    fewer = HttpRecall(url=whole.url, also=whole.also[:-1])
    for customer in customers:
        data = {"order": {"customer": customer}}
        before, after = (
            recall.addresses[
                tries(replace(recall, route=BY_CUSTOMER, data=data), sight([0] * size))[0]
            ]
            for recall, size in ((whole, count), (fewer, count - 1))
        )
        assert after == before or before == whole.addresses[-1]


def test_the_hash_gives_every_address_about_as_much():
    shares = Counter(
        tries(replace(to(), route=BY_CUSTOMER, data={"order": {"customer": n}}))[0]
        for n in range(3_000)
    )
    assert all(800 < share < 1_200 for share in shares.values())


def test_the_hash_of_this_version_is_that_of_every_version():
    who = [replace(to(5), route=BY_CUSTOMER, data={"order": {"customer": n}}) for n in range(8)]
    assert [tries(recall, sight([0] * 5))[0] for recall in who] == [1, 3, 4, 2, 4, 1, 4, 3]


def test_the_hash_waits_for_a_busy_address_and_goes_on_from_a_resting_one():
    recall = replace(to(), route=BY_CUSTOMER, data={"order": {"customer": "x"}})
    usual, following, last = in_order(a_fire(), recall, sight())
    assert choose(a_fire(), recall, sight((9, 9, 9))).waits_for == (usual,)
    assert choose(a_fire(), recall, sight(resting={usual})).to_try == (following,)
    assert choose(a_fire(), recall, sight(resting={usual, following})).to_try == (last,)


def placing(rule, full=(), resting=(), turns=None):
    """Room for one call at each, but for those named."""
    rests = Breaker(failures=20, rests_until=NOON + timedelta(seconds=30))

    def load_of(name):
        number = int(name[1])
        return Load(number in full, breaker=rests if number in resting else Breaker())

    turn_of = (turns or {}).get
    return Placing(
        now=NOON,
        load_of=load_of,
        allowance_of=lambda _: Allowance(slots=1),
        turn_of=lambda pool: turn_of(pool, 0),
    )


def test_a_fire_is_narrowed_to_the_one_address_that_has_room():
    sent = placing(RouteRule.FAILOVER, full={0}).place(a_fire(), to())
    assert sent == HttpRecall(url="http://r1.test/")
    assert placing(RouteRule.FAILOVER, full={0, 1, 2}).place(a_fire(), to()) is None


def test_turns_go_round_evenly_over_fires_and_pass_over_who_rests():
    turns = to(rule=RouteRule.ROUND_ROBIN)
    seats, went = {}, []
    for _ in range(8):
        place = placing(RouteRule.ROUND_ROBIN, resting={1}, turns=seats)
        went.append(place.place(a_fire(), turns).destination[:2])
        seats |= place.turns
    assert went == ["r0", "r2"] * 4


def test_those_who_wait_turn_elsewhere_once_what_they_wait_for_rests():
    recall = replace(to(), route=BY_CUSTOMER, data={"order": {"customer": "x"}})
    usual = in_order(a_fire(), recall, sight())[0]
    pool = placing(RouteRule.HASH, full={usual}).pool(a_fire(), recall)
    assert (pool.names, pool.moves) == ((f"r{usual}.test:80",), True)
    parked = {pool.name: pool}
    busy = replace_parked(placing(RouteRule.HASH, full={usual}), parked)
    asleep = replace_parked(placing(RouteRule.HASH, resting={usual}), parked)
    assert not busy.openings()
    assert pool.name in asleep.openings()


def replace_parked(place, parked):
    return Placing(
        now=place.now, load_of=place.load_of, allowance_of=place.allowance_of, parked=parked
    )


@given(
    st.sampled_from([rule for rule in RouteRule if rule is not RouteRule.BROADCAST]),
    st.sets(st.integers(0, 4)),
    st.sets(st.integers(0, 4)),
    st.integers(0, 31),
    st.integers(0, 99),
)
def test_who_is_not_sent_waits_for_what_has_no_room_now(rule, full, resting, tried, seed):
    """Else it would be looked at in every claim, and in none be sent."""
    recall, fire = to(5, rule, by="$.a", data=seed), a_fire(tried=tried)
    place = placing(rule, full=full, resting=resting)
    if place.place(fire, recall) is not None:
        return
    pool = place.pool(fire, recall)
    assert not replace_parked(place, {pool.name: pool}).openings()
    emptied = replace_parked(placing(rule), {pool.name: pool})
    assert emptied.openings() and emptied.place(fire, recall) is not None


def test_a_shard_waits_for_its_own_address_alone():
    recall = to(rule=RouteRule.BROADCAST)
    place = placing(RouteRule.BROADCAST, full={2})
    assert place.place(a_fire(shard=1, shards=3), recall).url == "http://r1.test/"
    assert place.place(a_fire(shard=2, shards=3), recall) is None
    pool = place.pool(a_fire(shard=2, shards=3), recall)
    assert (pool.names, pool.moves) == (("r2.test:80",), False)


def test_two_urls_of_one_host_share_its_room():
    recall = HttpRecall(url="http://r0.test/a", also=("http://r0.test/b",))
    place = placing(RouteRule.FAILOVER)
    assert place.place(a_fire(), recall).url == "http://r0.test/a"
    assert place.place(a_fire(), recall) is None


def test_a_socket_has_several_addresses_as_well():
    recall = SocketRecall(host="10.0.0.7", port=9100, also=(("fd00::7", 9200),))
    assert recall.addresses == ("10.0.0.7:9100", "[fd00::7]:9200")
    assert recall.only(1) == SocketRecall(host="fd00::7", port=9200)


def verdict(outcome, left, retry=NEVER, **fire):
    terms = Terms(recall=to().only(0), retry=retry, report_within=timedelta(hours=1), left=left)
    return judge(a_fire(**{"attempts": 1, **fire}), outcome, terms, NOON)


@pytest.mark.parametrize("reason", [Reason.DNS, Reason.CONNECT, Reason.TLS])
def test_what_was_not_sent_goes_on_at_once_while_an_address_is_left(reason):
    unsent = Outcome(delivery=Delivery.NOT_SENT, reason=reason)
    told = verdict(unsent, left=True)
    assert (told.decision, told.reason, told.at, told.onward) == (
        Decision.RETRY,
        reason,
        NOON,
        True,
    )
    assert verdict(unsent, left=False).decision is Decision.FAILURE


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(delivery=Delivery.NOT_SENT, reason=Reason.EGRESS),
        Outcome(delivery=Delivery.UNANSWERED, reason=Reason.TIMEOUT),
        Outcome(delivery=Delivery.UNANSWERED, reason=Reason.RESET),
        an_outcome(b"busy", status=503),
        an_outcome(b'{"success": false}'),
    ],
)
def test_what_may_have_worked_or_is_forbidden_does_not_go_on(outcome):
    assert verdict(outcome, left=True).decision is Decision.FAILURE


def test_going_on_costs_no_repetition():
    unsent = Outcome(delivery=Delivery.NOT_SENT, reason=Reason.CONNECT)
    once = Retry(pauses=Delays(spans=(timedelta(seconds=5),)))
    first = verdict(unsent, left=False, retry=once, attempts=3, failovers=2)
    assert (first.decision, first.at) == (Decision.RETRY, NOON + timedelta(seconds=5))
    assert not first.onward
    again = verdict(unsent, left=False, retry=once, attempts=6, failovers=4)
    assert again.decision is Decision.FAILURE
