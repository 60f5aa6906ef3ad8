"""How much a receiver is asked at once: limits, rates, and the circuit breaker, as pure decisions."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from dispatchserver.domain.breaker import CLOSED, REST, TROUBLE_LIMIT, Breaker
from dispatchserver.domain.destination import (
    Allowance,
    Load,
    begin,
    bookable,
    end,
    flowing,
    is_trouble,
    opens_at,
    queueable,
    room,
    share,
)
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fire import Delivery, Outcome, Reason
from dispatchserver.domain.rate import Rate, rate_text, read_rate
from dispatchserver.domain.recall import HttpRecall, SocketRecall
from tests.builders import NOON, an_outcome, at

FINE = an_outcome(b"ok")
SILENT = Outcome(delivery=Delivery.NOT_SENT, reason=Reason.CONNECT)
FEW = Allowance(slots=2)
SLOW = Allowance(rate=read_rate("2/s"))


def after(load, outcomes, now=NOON):
    for outcome in outcomes:
        begin(load, FEW, now)
        end(load, outcome, now)
    return load


def test_a_destination_takes_as_many_calls_at_once_as_it_is_allowed():
    load = Load()
    assert room(load, FEW, NOON) == 2
    begin(load, FEW, NOON)
    begin(load, FEW, NOON)
    assert room(load, FEW, NOON) == 0
    assert opens_at(load, FEW, NOON) is None
    end(load, FINE, NOON)
    assert room(load, FEW, NOON) == 1


def test_calls_of_a_rate_go_evenly():
    load = Load()
    assert room(load, SLOW, NOON) == 1
    begin(load, SLOW, NOON)
    assert room(load, SLOW, NOON) == 0
    assert opens_at(load, SLOW, NOON) == at(0.5)
    assert room(load, SLOW, at(0.5)) == 1


def test_a_burst_goes_at_once_and_is_earned_again_with_time():
    allowance, load = Allowance(rate=read_rate("2/s", burst=3)), Load()
    for left in (2, 1, 0):
        begin(load, allowance, NOON)
        assert room(load, allowance, NOON) == left
    assert opens_at(load, allowance, NOON) == at(0.5)
    assert room(load, allowance, at(1)) == 2
    assert room(load, allowance, at(60)) == 3


@given(
    some.integers(1, 1000),
    some.integers(1, 20),
    some.lists(some.integers(0, 3_000), min_size=1, max_size=60),
)
def test_in_no_time_do_more_calls_begin_than_the_rate_allows(calls, burst, waits):
    rate = Rate(calls=calls, per=timedelta(minutes=1), burst=burst)
    allowance, load, now, begun = Allowance(slots=10_000, rate=rate), Load(), NOON, []
    for wait in waits:
        now += timedelta(milliseconds=wait)
        for _ in range(room(load, allowance, now)):
            begin(load, allowance, now)
            begun.append(now)
    for first, since in enumerate(begun):
        for last in range(first, len(begun)):
            earned = (begun[last] - since) / rate.spacing
            assert last - first + 1 <= rate.at_once + earned + 1e-6


@given(some.lists(some.sampled_from(["begin", "fine", "silent", "wait"]), max_size=120))
def test_what_opens_with_time_has_room_at_that_time(steps):
    allowance, load, now = Allowance(slots=5, rate=read_rate("3/s", burst=2)), Load(), NOON
    for step in steps:
        if step == "begin" and room(load, allowance, now):
            begin(load, allowance, now)
        elif step == "wait":
            now += timedelta(milliseconds=170)
        elif load.in_flight:
            end(load, FINE if step == "fine" else SILENT, now)
        moment = opens_at(load, allowance, now)
        if moment is not None:
            assert moment > now
            assert room(load, allowance, moment) > 0
        assert moment is not None or room(load, allowance, now) or load.in_flight


def test_a_circuit_opens_after_twenty_failures_on_end_and_not_before():
    load = after(Load(), [SILENT] * (TROUBLE_LIMIT - 1))
    assert room(load, FEW, NOON) == 2
    after(load, [SILENT])
    assert room(load, FEW, NOON) == 0
    assert opens_at(load, FEW, NOON) == NOON + REST


def test_one_success_among_failures_keeps_the_circuit_closed():
    load = after(Load(), [SILENT] * (TROUBLE_LIMIT - 1) + [FINE] + [SILENT] * (TROUBLE_LIMIT - 1))
    assert room(load, FEW, NOON) == 2


def test_an_open_circuit_lets_one_probe_through_after_its_rest():
    load, later = after(Load(), [SILENT] * TROUBLE_LIMIT), NOON + REST
    assert room(load, FEW, later - timedelta(milliseconds=1)) == 0
    assert room(load, FEW, later) == 1
    begin(load, FEW, later)
    assert room(load, FEW, later) == 0
    assert opens_at(load, FEW, later) is None


@pytest.mark.parametrize(("outcome", "free"), [(FINE, 2), (SILENT, 0)])
def test_the_probe_decides_whether_it_closes(outcome, free):
    load, later = after(Load(), [SILENT] * TROUBLE_LIMIT), NOON + REST
    begin(load, FEW, later)
    end(load, outcome, later)
    assert room(load, FEW, later) == free


def test_a_probe_that_says_nothing_makes_way_for_another():
    load, later = after(Load(), [SILENT] * TROUBLE_LIMIT), NOON + REST
    begin(load, FEW, later)
    end(load, None, later)
    assert room(load, FEW, later) == 1


def test_calls_that_were_out_when_it_opened_do_not_lengthen_the_rest():
    breaker = Breaker(failures=TROUBLE_LIMIT, rests_until=NOON + REST)
    assert breaker.after(True, at(29)).rests_until == NOON + REST
    assert breaker.after(False, at(1)) == CLOSED


@pytest.mark.parametrize(
    ("outcome", "trouble"),
    [
        (an_outcome(b"ok"), False),
        (an_outcome(b"", status=404), False),
        (an_outcome(b"", status=429), True),
        (an_outcome(b"", status=503), True),
        (an_outcome(b"no contract", status=None), False),
        (Outcome(delivery=Delivery.NOT_SENT, reason=Reason.DNS), True),
        (Outcome(delivery=Delivery.NOT_SENT, reason=Reason.EGRESS), None),
        (Outcome(delivery=Delivery.UNANSWERED, reason=Reason.TIMEOUT), True),
        (Outcome(delivery=Delivery.UNANSWERED, reason=Reason.RESET), True),
        (Outcome(delivery=Delivery.UNANSWERED, reason=Reason.OVERLAP), None),
        (Outcome(delivery=Delivery.UNANSWERED, reason=Reason.INTERRUPTED), None),
    ],
)
def test_only_what_the_receiver_did_counts_against_it(outcome, trouble):
    assert is_trouble(outcome) is trouble


@pytest.mark.parametrize("text", ["20/s", "600/m", "5000/h", "1/h"])
def test_a_rate_is_shown_as_it_was_said(text):
    assert rate_text(read_rate(text)) == text


@pytest.mark.parametrize("text", ["0/s", "-1/s", "20", "", "1.5/s", "20/d", "2000000/s", "²/s"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(Invalid):
        read_rate(text)


@pytest.mark.parametrize(
    ("recall", "destination"),
    [
        (HttpRecall(url="http://A.example/x"), "a.example:80"),
        (HttpRecall(url="https://a.example/x?y"), "a.example:443"),
        (HttpRecall(url="http://[::1]:81/"), "[::1]:81"),
        (SocketRecall(host="A.example", port=7), "a.example:7"),
        (SocketRecall(host="::1", port=7), "[::1]:7"),
    ],
)
def test_a_destination_is_a_host_with_its_port(recall, destination):
    assert recall.destination == destination


@pytest.mark.parametrize(
    ("in_flight", "free", "share_of_it"),
    [
        (0, 2_000, 1_875),
        (60, 200, 75),
        (60, 100, 20),  # then it holds 80, and 80 are left
        (60, 60, 0),
        (0, 1, 1),
        (1, 2, 1),
        (1, 1, 0),
        (0, 0, 0),
        (70, 126, 28),
        (200, 126, 1),
    ],
)
def test_of_the_last_slots_it_takes_only_while_more_are_left_than_it_holds(
    in_flight, free, share_of_it
):
    assert share(in_flight, free, 125) == share_of_it


def test_a_small_server_keeps_no_slot_back():
    assert [share(n, 10 - n, 0) for n in range(11)] == [10 - n for n in range(11)]


def test_a_clock_that_is_set_back_prolongs_neither_a_rest_nor_what_a_rate_asks_for():
    load, earlier = after(Load(), [SILENT] * TROUBLE_LIMIT), NOON - timedelta(hours=1)
    assert room(load, FEW, earlier) == 1
    paced = Allowance(slots=9, rate=read_rate("1/s", 2))
    load = Load()
    for moment in (NOON, NOON, earlier, earlier):
        assert room(load, paced, moment) > 0
        begin(load, paced, moment)
    assert room(load, paced, earlier) == 0
    assert opens_at(load, paced, earlier) == earlier + timedelta(seconds=1)


def test_before_their_moment_as_many_are_claimed_as_it_answers_by_then_if_they_may_stand_somewhere():
    allowance = Allowance(slots=2)
    assert bookable(Load(), allowance, NOON, places=50) == 2
    swift = Load(pace=10.0, ahead=1)  # twenty calls in a tenth of a second
    assert bookable(swift, allowance, NOON, places=50) == 2 + 20 - 1
    assert bookable(swift, allowance, NOON, places=7) == 2 + 7 - 1
    assert bookable(swift, allowance, NOON, places=0) == 2 + 2 - 1


def test_what_flows_is_forgotten_within_a_second_and_whatever_the_clock_does():
    load = Load(in_flight=3)
    for _ in range(3):
        end(load, None, NOON)
    assert flowing(load, NOON) == 3
    assert flowing(load, NOON + timedelta(milliseconds=50)) == 1.5
    assert flowing(load, NOON - timedelta(milliseconds=5)) == 3
    assert flowing(load, NOON + timedelta(seconds=1)) == flowing(load, NOON - REST) == 0


def test_as_many_queue_for_a_receiver_as_it_got_through_of_late_however_few_slots_it_has():
    allowance = Allowance(slots=2)
    load = Load(in_flight=3, ahead=0)
    end(load, None, NOON)
    assert queueable(load, allowance, NOON) == 1
    for _ in range(9):
        load.in_flight += 1
        end(load, None, NOON)
    assert queueable(load, allowance, NOON) == 10
    load.ahead = 1
    assert queueable(load, allowance, NOON) == 9
    assert (
        queueable(Load(in_flight=2, flow=9, flowed_at=NOON), Allowance(slots=2, paused=True), NOON)
        == 0
    )
