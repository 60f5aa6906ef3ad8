"""One fire from its send to its stored verdict, whatever happens on the way."""

import json
from datetime import timedelta

import pytest

from dispatchserver.domain.errors import StoreUnavailable
from dispatchserver.domain.fire import Decision, Delivery, FireState, Reason
from dispatchserver.domain.reporting import Report
from dispatchserver.domain.task import Policies
from dispatchserver.engine.door import Entrance
from dispatchserver.engine.executor import Limits
from tests.builders import ALICE, NOON, RECALL, an_outcome, at, every, once
from tests.clocks import until

REFUSED = an_outcome(status=None, delivery=Delivery.NOT_SENT, reason=Reason.CONNECT)
TIMEOUT = an_outcome(status=None, delivery=Delivery.UNANSWERED, reason=Reason.TIMEOUT)
PROMISE = an_outcome(b'{"success": true, "asynchronized": true}')


class Wakes(list):
    """Notes whom the engine woke once an attempt was settled."""

    def __init__(self, engine):
        super().__init__()
        self.settled = engine.settled

    async def admits(self, assignment):
        """It was not claimed early."""
        return Entrance.ADMITTED

    def hurries(self, assignment):
        """Nobody waits for it but the test."""
        return True

    def ended(self, assignment, outcome):
        """No claim of a dispatcher began this one."""


@pytest.fixture
def wakes(works, monkeypatch):
    noted = Wakes(works.engine)
    monkeypatch.setattr(works.engine, "dispatch_by", lambda at: noted.append("dispatcher"))
    monkeypatch.setattr(works.engine._sweeping, "look_by", lambda at: noted.append("sweeper"))
    return noted


async def claimed(works, **spec):
    await works.add(trigger=spec.pop("trigger", once()), **spec)
    await works.engine.planner.run_once()
    await works.store.let_go(at(3600))
    claims = await works.store.claim("node-a", works.clock.now(), 1, at(3600))
    (assignment,) = claims.assignments
    return assignment


@pytest.mark.parametrize(
    ("outcome", "told", "woken"),
    [
        (an_outcome(b"ok"), ("succeeded", None), []),
        (an_outcome(b'{"success": false}'), ("failed", "contract"), []),
        (an_outcome(b"", status=500), ("failed", "status"), []),
        (TIMEOUT, ("failed", "timeout"), []),
        (REFUSED, ("pending", "connect"), ["dispatcher"]),
        (PROMISE, ("waiting", None), ["sweeper"]),
        (RuntimeError("bug"), ("failed", "protocol"), []),
    ],
)
async def test_every_outcome_is_judged_stored_and_followed_up(works, wakes, outcome, told, woken):
    works.receiver.says = [outcome]
    assignment = await claimed(works)
    await works.engine.executor.run(assignment, wakes)
    assert [(state, reason) for _, state, reason in await works.house.told()] == [told]
    assert wakes == woken
    assert len(await works.store.list_attempts(assignment.fire.id)) == 1


async def test_the_receiver_gets_the_data_and_is_told_which_fire_this_is(works, wakes):
    assignment = await claimed(works, priority=3)
    await works.engine.executor.run(assignment, wakes)
    (order,) = works.receiver.orders
    assert json.loads(order.body) == {"data": {"a": 1}, "tasklogid": assignment.fire.id}
    assert order.recall == RECALL
    headers = works.receiver.headers()
    assert headers["X-Dispatch-Fire-Id"] == headers["Idempotency-Key"] == assignment.fire.id
    assert headers["X-Dispatch-Scheduled-Time"] == "2026-03-04T12:00:00Z"
    assert (headers["X-Dispatch-Attempt"], headers["X-Dispatch-Priority"]) == ("1", "3")


async def test_the_tasks_own_limits_come_before_the_servers(works, wakes):
    limits = Policies(total_timeout=timedelta(seconds=2))
    assignment = await claimed(works, policies=limits)
    await works.engine.executor.run(assignment, wakes)
    (order,) = works.receiver.orders
    assert order.total_timeout == timedelta(seconds=2)
    assert order.connect_timeout == Limits().connect_timeout


@pytest.mark.parametrize(
    ("policies", "until_when"),
    [(Policies(), at(3605)), (Policies(report_timeout=timedelta(seconds=9)), at(14))],
)
async def test_the_time_for_a_report_begins_with_the_reply(works, wakes, policies, until_when):
    (answer,) = works.receiver.hold()
    assignment = await claimed(works, policies=policies)
    works.engine.crew.start(works.engine.executor.run(assignment, wakes))
    await until(lambda: works.receiver.orders)
    works.clock.advance(5)
    answer.set_result(PROMISE)
    await works.idle()
    (fire,) = await works.house.fires()
    assert fire.deadline_at == until_when


async def test_an_attempt_knows_when_it_began_and_ended(works, wakes):
    (answer,) = works.receiver.hold()
    assignment = await claimed(works)
    works.engine.crew.start(works.engine.executor.run(assignment, wakes))
    await until(lambda: works.receiver.orders)
    works.clock.advance(2)
    answer.set_result(an_outcome(b"ok"))
    await works.idle()
    (attempt,) = await works.store.list_attempts(assignment.fire.id)
    assert (attempt.started_at, attempt.ended_at) == (NOON, at(2))
    assert (attempt.number, attempt.node) == (1, "node-a")


async def test_a_verdict_is_stored_however_long_the_store_takes_to_come_back(
    works, wakes, monkeypatch
):
    settle, refusals = works.store.settle, [StoreUnavailable("full")] * 3

    async def settle_later(fire, attempt, *, patient, awaited):
        if refusals:
            raise refusals.pop()
        return await settle(fire, attempt, patient=patient)

    monkeypatch.setattr(works.store, "settle", settle_later)
    assignment = await claimed(works)
    works.engine.crew.start(works.engine.executor.run(assignment, wakes))
    for left in (2, 1, 0):
        await until(lambda left=left: len(refusals) == left and works.clock.alarms)
        works.clock.advance(1)
    await works.idle()
    assert await works.house.told() == [(0, "succeeded", None)]
    assert len(works.receiver.orders) == 1


async def test_a_cancelled_send_is_booked_as_interrupted_and_tried_again(works):
    works.receiver.hold()
    await works.add(trigger=every(60))
    await works.engine.planner.run_once()
    await works.engine.dispatcher.run_once()
    await until(lambda: works.receiver.orders)
    await works.engine.crew.drain(timedelta(0))
    (fire,) = await works.house.fires()
    assert (fire.state, fire.reason) == (FireState.PENDING, Reason.INTERRUPTED)
    (attempt,) = await works.store.list_attempts(fire.id)
    assert attempt.verdict.decision is Decision.RETRY
    await works.turn()
    assert [works.receiver.header(n, "X-Dispatch-Attempt") for n in (0, 1)] == ["1", "2"]
    assert await works.house.told() == [(0, "succeeded", None)]


async def test_a_refused_connection_is_tried_four_times_in_all(works):
    works.receiver.usually = REFUSED
    await works.add(trigger=once())
    await works.turn()
    for seconds in (5, 10, 20):
        await works.turn(seconds)
    assert await works.house.told() == [(0, "failed", "connect")]
    assert len(works.receiver.orders) == 4
    assert len({order.body for order in works.receiver.orders}) == 1


async def test_a_fire_settled_by_a_report_is_not_touched_by_its_reply(works, wakes):
    (answer,) = works.receiver.hold()
    assignment = await claimed(works)
    works.engine.crew.start(works.engine.executor.run(assignment, wakes))
    await until(lambda: works.receiver.orders)
    report = Report(fire_id=assignment.fire.id, success=True, result="early")
    await works.reports.accept(report, ALICE)
    answer.set_result(TIMEOUT)
    await works.idle()
    assert await works.house.told() == [(0, "succeeded", "reported")]
