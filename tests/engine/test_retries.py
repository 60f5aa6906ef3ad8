"""Retries in the running engine: rows, times, losses, reports."""

from datetime import timedelta

import pytest

from dispatchserver.domain.fire import Decision, Delivery, FireState, Reason
from dispatchserver.domain.listing import FireFilter, PageRequest
from dispatchserver.domain.reporting import Report
from dispatchserver.domain.retrypolicy import Delays, Retry
from dispatchserver.domain.task import Policies
from tests.builders import ALICE, an_outcome, at, once

TIMEOUT = an_outcome(status=None, delivery=Delivery.UNANSWERED, reason=Reason.TIMEOUT)
PROMISE = an_outcome(b'{"success": true, "asynchronized": true}')
OK = an_outcome(b"ok")


def after(*spans, **more):
    pauses = Delays(spans=tuple(timedelta(seconds=span) for span in spans))
    return Policies(retry=Retry(pauses=pauses, **more))


async def the_fire(works):
    page = await works.store.list_fires(FireFilter(namespace="default"), PageRequest(limit=9))
    (fire,) = page.items
    return fire


async def test_each_attempt_is_a_row_of_one_fire_with_one_id(works):
    works.receiver.says = [TIMEOUT, an_outcome(b"busy", status=503), OK]
    await works.add(trigger=once(), policies=after(0.3, 5))
    await works.turn()
    await works.turn(0.3)
    await works.turn(5)
    fire = await the_fire(works)
    told = [
        (attempt.number, attempt.verdict.decision, attempt.verdict.at)
        for attempt in await works.store.list_attempts(fire.id)
    ]
    assert told == [
        (1, Decision.RETRY, at(0.3)),
        (2, Decision.RETRY, at(5.3)),
        (3, Decision.SUCCESS, None),
    ]
    assert (fire.state, fire.attempts) == (FireState.SUCCEEDED, 3)
    headers = [works.receiver.header(n, "X-Dispatch-Attempt") for n in range(3)]
    ids = {works.receiver.header(n, "X-Dispatch-Fire-Id") for n in range(3)}
    assert (headers, ids) == (["1", "2", "3"], {fire.id})


async def test_a_fire_whose_repetitions_are_used_up_has_failed_once(works):
    works.receiver.says = [TIMEOUT] * 3
    await works.add(trigger=once(), policies=after(1, 1))
    await works.turns(4, 1)
    fire = await the_fire(works)
    status = await works.tasks.find(fire.key)
    assert (fire.state, fire.reason, fire.attempts) == (FireState.FAILED, Reason.TIMEOUT, 3)
    assert (status.succeeded, status.failed) == (0, 1)


async def test_a_report_of_failure_calls_the_receiver_again_and_a_later_yes_ends_it(works):
    works.receiver.says = [PROMISE, PROMISE]
    await works.add(trigger=once(), policies=after(2))
    await works.turn()
    fire = await the_fire(works)
    told = await works.reports.accept(Report(fire_id=fire.id, success=False, result="no"), ALICE)
    assert (told.state, told.run_at) == (FireState.PENDING, at(2))
    await works.turn(2)
    assert (await the_fire(works)).state is FireState.WAITING
    await works.reports.accept(Report(fire_id=fire.id, success=True, result="yes"), ALICE)
    ended = await the_fire(works)
    status = await works.tasks.find(fire.key)
    assert (ended.state, ended.result, ended.attempts) == (FireState.SUCCEEDED, "yes", 2)
    assert (status.succeeded, status.failed, status.waiting) == (1, 0, 0)


async def test_a_report_that_never_comes_calls_the_receiver_again(works):
    works.receiver.says = [PROMISE, OK]
    policies = after(2)
    await works.add(trigger=once(), policies=policies)
    await works.turn()
    works.clock.advance(3600)
    await works.engine.sweeper.run_once()
    waits = await the_fire(works)
    assert (waits.state, waits.reason) == (FireState.PENDING, Reason.REPORT_TIMEOUT)
    await works.turn(2)
    assert (await the_fire(works)).state is FireState.SUCCEEDED
    assert (await works.tasks.find(waits.key)).waiting == 0


async def test_a_node_that_dies_does_not_use_up_the_repetitions(works):
    works.receiver.says = [TIMEOUT, OK]
    await works.add(trigger=once(), policies=after(1))
    await works.engine.planner.run_once()
    for node in ("died-first", "died-second"):
        await works.store.let_go(at(7200))
        await works.store.claim(node, works.clock.now(), 9, at(7200))
        works.hire(works.slots)
        await works.engine.recover()
    await works.turn()
    await works.turn(1)
    fire = await the_fire(works)
    assert (fire.state, fire.attempts, fire.losses) == (FireState.SUCCEEDED, 4, 2)


async def test_a_repetition_of_a_paused_task_waits_for_the_resume(works):
    works.receiver.says = [TIMEOUT, OK]
    await works.add(trigger=once(), policies=after(1))
    await works.turn()
    fire = await the_fire(works)
    await works.tasks.pause(fire.key, ALICE)
    await works.turn(60)
    assert len(works.receiver.orders) == 1
    await works.tasks.resume(fire.key, ALICE)
    await works.turn()
    assert (await the_fire(works)).state is FireState.SUCCEEDED


@pytest.mark.parametrize("change", ["delete", "replace"])
async def test_a_repetition_of_what_is_gone_is_not_made(works, change):
    works.receiver.says = [TIMEOUT]
    await works.add(trigger=once(), policies=after(60))
    await works.turn()
    fire = await the_fire(works)
    if change == "delete":
        await works.tasks.delete(fire.key, ALICE)
    else:
        await works.add(trigger=once(at(86_400)), overwrite=True)
    await works.turn(120)
    assert len(works.receiver.orders) == 1
    assert (await the_fire(works)).state is FireState.CANCELLED
