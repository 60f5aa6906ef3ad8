"""The use cases of destinations: what is set holds for the next claim, and what is seen is how they stand."""

from datetime import timedelta

import pytest

from dispatchserver.domain.breaker import REST, TROUBLE_LIMIT, Circuit
from dispatchserver.domain.destination import REMEMBERED, Allowance, Hindrance
from dispatchserver.domain.destinationspec import DestinationSpec
from dispatchserver.domain.errors import DestinationNotFound
from dispatchserver.domain.fire import Delivery, Outcome, Reason
from dispatchserver.domain.rate import read_rate
from dispatchserver.engine.destinations import CROWD, Destinations
from dispatchserver.engine.limits import DestinationCases
from tests.builders import ALICE, NOON, an_outcome, at, once
from tests.clocks import until
from tests.engine.works import Works

NAME = "receiver.test:80"
OK = an_outcome(b"ok")
SILENT = Outcome(delivery=Delivery.NOT_SENT, reason=Reason.CONNECT)
BUSY = an_outcome(status=503)


@pytest.fixture
async def works(house, clock):
    works = Works(house, clock, slots=50, allowance=Allowance(slots=2))
    yield works
    await works.engine.crew.drain(timedelta(0))


@pytest.fixture
def woken():
    return []


@pytest.fixture
def cases(works, woken):
    return cases_of(works, lambda: woken.append("woken"))


def cases_of(works, wake):
    return DestinationCases(works.house.destinations, works.engine.destinations, works.clock, wake)


async def say(cases, name=NAME, **spec):
    return await cases.put(name, lambda standing: DestinationSpec(**spec), ALICE)


async def due(works, count):
    for n in range(count):
        await works.add(f"t{n:02}", once(), priority=-n)
    await works.engine.planner.run_once()


async def dispatch(works):
    return await works.engine.dispatcher.run_once()


async def test_more_slots_let_waiting_fires_go_at_once(works, cases, woken):
    works.receiver.hold(5)
    await due(works, 5)
    await dispatch(works)
    await until(lambda: len(works.receiver.orders) == 2)
    await say(cases, slots=4)
    assert woken
    await dispatch(works)
    await until(lambda: len(works.receiver.orders) == 4)
    status = await cases.find(NAME)
    assert (status.standing.in_flight, status.waiting) == (4, 1)
    assert status.standing.hindrance is Hindrance.FULL


async def test_fewer_slots_end_no_call_and_let_none_begin(works, cases):
    (first, *_) = works.receiver.hold(2)
    await due(works, 3)
    await dispatch(works)
    await say(cases, slots=1)
    first.set_result(OK)
    await until(lambda: works.engine.crew.busy == 1)
    await dispatch(works)
    assert len(works.receiver.orders) == 2


async def test_a_paused_receiver_is_sent_nobody_and_what_waits_goes_on_afterwards(works, cases):
    await say(cases, paused=True)
    await due(works, 3)
    assert await dispatch(works) is None
    works.clock.advance(3600)
    assert await dispatch(works) is None
    assert works.receiver.orders == []
    status = await cases.find(NAME)
    assert (status.waiting, status.standing.hindrance) == (3, Hindrance.PAUSED)
    await say(cases, paused=False)
    await works.turns(2, 0)
    assert works.receiver.names == ["t00", "t01", "t02"]
    assert {str(fire.state) for fire in await works.house.fires()} == {"succeeded"}


async def test_a_paused_receiver_holds_up_no_other(works, cases):
    await say(cases, name="elsewhere.test:80", paused=True)
    await due(works, 1)
    await works.turn()
    assert works.receiver.names == ["t00"]


async def test_a_faster_rate_does_not_wait_for_the_slower_one_before(works, cases):
    await say(cases, rate=read_rate("1/h"))
    await due(works, 2)
    await works.turn()
    assert len(works.receiver.orders) == 1
    assert (await cases.find(NAME)).standing.hindrance is Hindrance.RATE
    await say(cases, rate=read_rate("10/s"))
    assert await dispatch(works) == at(0.1)
    works.clock.advance(0.1)
    await works.turn()
    assert len(works.receiver.orders) == 2


async def test_limits_that_are_taken_back_leave_the_servers(works, cases):
    await say(cases, paused=True)
    await due(works, 1)
    await dispatch(works)
    await cases.delete(NAME, ALICE)
    await works.turn()
    assert works.receiver.names == ["t00"]
    with pytest.raises(DestinationNotFound):
        await cases.delete(NAME, ALICE)


async def test_what_was_set_holds_before_the_first_claim_after_a_restart(works, cases):
    await say(cases, paused=True)
    await due(works, 1)
    works.hire(50, node="node-b")
    again = cases_of(works, works.engine.wake_dispatcher)
    await again.load()
    await dispatch(works)
    assert works.receiver.orders == []
    assert (await again.find(NAME)).spec == DestinationSpec(paused=True)


async def fail_on_end(works):
    works.receiver.says = [SILENT] * TROUBLE_LIMIT
    await due(works, TROUBLE_LIMIT + 5)
    await works.turns(TROUBLE_LIMIT // 2, 0)
    await dispatch(works)


async def test_an_open_circuit_tells_until_when_and_what_the_last_call_saw(works, cases):
    await fail_on_end(works)
    status = await cases.find(NAME)
    breaker, failure = status.standing.breaker, status.standing.failure
    assert (breaker.circuit, breaker.rests_until) == (Circuit.OPEN, works.clock.now() + REST)
    assert (failure.reason, failure.at) == (Reason.CONNECT, works.clock.now())
    assert status.standing.hindrance is Hindrance.RESTING


async def test_a_probe_is_told_and_a_good_end_of_it_forgets_the_failures(works, cases):
    await fail_on_end(works)
    (probe,) = works.receiver.hold()
    works.clock.advance(REST)
    await dispatch(works)
    standing = (await cases.find(NAME)).standing
    assert (standing.breaker.circuit, standing.hindrance) == (Circuit.PROBING, Hindrance.PROBING)
    probe.set_result(OK)
    await works.idle()
    standing = (await cases.look(NAME)).standing
    assert (standing.breaker.circuit, standing.failure) == (Circuit.CLOSED, None)


async def test_a_circuit_closed_by_hand_lets_all_go_at_once(works, cases, woken):
    await fail_on_end(works)
    sent = len(works.receiver.orders)
    status = await cases.reset(NAME, ALICE)
    assert status.standing.breaker.circuit is Circuit.CLOSED
    assert woken
    works.receiver.hold(2)
    await dispatch(works)
    await until(lambda: len(works.receiver.orders) == sent + 2)
    assert ("destination_reset", "") in await works.house.audit()


async def test_what_nothing_is_known_of_cannot_be_reset_and_near_names_are_told(works, cases):
    await say(cases)
    with pytest.raises(DestinationNotFound) as told:
        await cases.reset("reciever.test:80", ALICE)
    assert told.value.params["nearest"] == NAME
    assert len(await works.house.audit()) == 1


async def test_only_what_is_set_called_awaited_or_open_is_listed(works, cases):
    await due(works, 1)
    await works.turn()
    assert await cases.list() == []
    await say(cases, name="set.test:80", slots=1)
    (answer,) = works.receiver.hold()
    await works.add("again", once(works.clock.now()))
    await works.engine.planner.run_once()
    await dispatch(works)
    assert [status.name for status in await cases.list()] == [NAME, "set.test:80"]
    answer.set_result(OK)
    await works.idle()
    assert [status.name for status in await cases.list()] == ["set.test:80"]


async def test_the_last_failure_tells_a_status_and_stays_while_nothing_succeeds(works, cases):
    works.receiver.usually = BUSY
    await due(works, 1)
    await works.turn()
    assert (await cases.look(NAME)).standing.failure.status == 503
    works.receiver.usually = OK
    await works.add("well", once(works.clock.now()))
    await works.turn()
    assert (await cases.look(NAME)).standing.failure is None


def test_destinations_at_rest_are_forgotten_however_many_were_called():
    destinations = Destinations(Allowance(rate=read_rate("1/s")))
    for n in range(3 * CROWD):
        now = at(n)
        destinations.begin(f"host{n}.test:80", now)
        destinations.end(f"host{n}.test:80", OK, now)
    assert len(destinations._loads) <= CROWD


def test_a_few_failures_are_remembered_for_a_day_and_no_longer():
    destinations = Destinations(Allowance())
    destinations.begin(NAME, NOON)
    destinations.end(NAME, SILENT, NOON)
    destinations._forget_quiet(NOON + REMEMBERED / 2)
    assert destinations.standing(NAME, NOON).breaker.failures == 1
    destinations._forget_quiet(NOON + REMEMBERED)
    assert destinations.standing(NAME, NOON).breaker.failures == 0
