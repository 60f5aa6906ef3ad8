"""Fires of one task that overlap, and tasks that share a key: in the running engine, by a hand-moved clock."""

import pytest

from dispatchserver.domain.concurrency import BusyRule, ConcurrencyKey, Overlap, OverlapRule
from dispatchserver.domain.fire import Delivery, FireState, Reason
from dispatchserver.domain.listing import FireFilter, PageRequest
from dispatchserver.domain.reporting import Report
from dispatchserver.domain.task import Policies
from tests.builders import ALICE, a_key, an_outcome, at, every, once
from tests.clocks import until

OK = an_outcome(b"ok")


def by(rule, waiting=100, **more):
    return Policies(overlap=Overlap(rule=OverlapRule(rule), waiting=waiting), **more)


def needing(name, limit=1, busy="queue", **more):
    return Policies(concurrency=ConcurrencyKey(name=name, limit=limit, busy=BusyRule(busy)), **more)


async def step(works, seconds=0.0):
    """Moves the clock, plans and dispatches, without waiting for callbacks that hang."""
    works.clock.advance(seconds)
    await works.engine.planner.run_once()
    await works.engine.dispatcher.run_once()


async def told(works, name="task"):
    """Every fire of a task: how long after noon it was due, its state and reason, the oldest first."""
    wanted = FireFilter(namespace="default", name=name)
    page = await works.store.list_fires(wanted, PageRequest(limit=99))
    return [
        (
            int((fire.due_at - at()).total_seconds()),
            fire.state.value,
            fire.reason and str(fire.reason),
        )
        for fire in reversed(page.items)
    ]


async def sent(works, count):
    await until(lambda: len(works.receiver.orders) == count)


async def test_unasked_each_due_time_gets_its_callback_though_the_last_one_hangs(works):
    held = works.receiver.hold(3)
    await works.add(trigger=every(10, count=3))
    for _ in range(3):
        await step(works)
        await step(works, 10)
    await sent(works, 3)
    assert [state for _, state, _ in await told(works)] == ["running"] * 3
    for answer in held:
        answer.set_result(OK)
    await works.idle()


async def test_skip_leaves_out_what_comes_while_one_is_under_way(works):
    (first,) = works.receiver.hold()
    await works.add(trigger=every(10, count=4), policies=by("skip"))
    await step(works)
    await sent(works, 1)
    await step(works, 10)
    await step(works, 10)
    first.set_result(OK)
    await works.idle()
    await works.turn(10)
    assert await told(works) == [
        (0, "succeeded", None),
        (10, "skipped", "overlap"),
        (20, "skipped", "overlap"),
        (30, "succeeded", None),
    ]


async def test_a_report_that_is_awaited_and_a_repetition_belong_to_the_fire_under_way(works):
    works.receiver.says = [an_outcome(b'{"success": true, "asynchronized": true}'), OK]
    await works.add(trigger=every(10, count=3), policies=by("skip"))
    await works.turn()
    await works.turn(10)
    waiting = (
        await works.tasks.fires(
            FireFilter(namespace="default", state=FireState.WAITING), PageRequest(limit=9)
        )
    ).items
    await works.reports.accept(Report(fire_id=waiting[0].id, success=True, result=None), ALICE)
    await works.turn(10)
    assert await told(works) == [
        (0, "succeeded", "reported"),
        (10, "skipped", "overlap"),
        (20, "succeeded", None),
    ]


async def test_queue_one_lets_one_wait_and_skips_the_rest(works):
    (first,) = works.receiver.hold()
    await works.add(trigger=every(10, count=4), policies=by("queue_one"))
    await step(works)
    for _ in range(3):
        await step(works, 10)
    await sent(works, 1)
    assert [state for _, state, _ in await told(works)] == [
        "running",
        "pending",
        "skipped",
        "skipped",
    ]
    first.set_result(OK)
    await works.idle()
    await works.turn()
    assert works.dues == ["12:00:00", "12:00:10"]
    assert [state for _, state, _ in await told(works)] == [
        "succeeded",
        "succeeded",
        "skipped",
        "skipped",
    ]


async def test_queue_all_sends_every_one_in_order_up_to_its_limit(works):
    (first,) = works.receiver.hold()
    await works.add(trigger=every(10, count=5), policies=by("queue_all", 3))
    await step(works)
    for _ in range(4):
        await step(works, 10)
    await sent(works, 1)
    first.set_result(OK)
    await works.idle()
    for _ in range(4):
        await works.turn()
    assert works.dues == ["12:00:00", "12:00:10", "12:00:20", "12:00:30"]
    assert (await told(works))[-1] == (40, "skipped", "overlap")


async def test_cancel_previous_breaks_off_the_call_and_makes_the_new_one(works):
    works.receiver.hold()
    await works.add(trigger=every(10, count=2), policies=by("cancel_previous"))
    await step(works)
    await sent(works, 1)
    await step(works, 10)
    await sent(works, 2)
    await works.idle()
    assert await told(works) == [(0, "cancelled", "overlap"), (10, "succeeded", None)]
    page = await works.store.list_fires(FireFilter(namespace="default"), PageRequest(limit=9))
    (attempt,) = await works.store.list_attempts(page.items[-1].id)
    assert (attempt.outcome.delivery, attempt.outcome.reason) == (
        Delivery.UNANSWERED,
        Reason.OVERLAP,
    )


async def test_cancel_previous_works_though_the_previous_one_holds_the_only_slot(works):
    works.hire(1)
    works.receiver.hold()
    await works.add(trigger=every(10, count=2), policies=by("cancel_previous"))
    await step(works)
    await sent(works, 1)
    await step(works, 10)
    await works.idle()
    await works.turn()
    assert await told(works) == [(0, "cancelled", "overlap"), (10, "succeeded", None)]


async def test_with_every_slot_taken_an_overlap_is_still_decided_when_it_is_due(works):
    works.hire(1)
    (first,) = works.receiver.hold()
    await works.add(trigger=every(10, count=2), policies=by("skip"))
    await step(works)
    await sent(works, 1)
    await step(works, 10)
    assert (await told(works))[-1] == (10, "skipped", "overlap")
    first.set_result(OK)
    await works.idle()


@pytest.mark.parametrize(("busy", "end"), [("skip", "skipped"), ("fail", "failed")])
async def test_one_that_gives_way_to_a_key_cancels_nobody(works, busy, end):
    (first, other) = works.receiver.hold(2)
    await works.add("other", once(at(5)), policies=needing("db"))
    key = ConcurrencyKey(name="db", busy=BusyRule(busy))
    await works.add(trigger=every(10, count=1), policies=by("cancel_previous"))
    await step(works)
    await sent(works, 1)
    await step(works, 5)
    await sent(works, 2)
    again = by("cancel_previous", concurrency=key)
    await works.add(trigger=once(at(10)), policies=again, overwrite=True)
    await step(works, 5)
    first.set_result(OK)
    other.set_result(OK)
    await works.idle()
    assert await told(works) == [(0, "succeeded", None), (10, end, "concurrency")]


async def test_what_somebody_runs_by_hand_neither_waits_nor_is_waited_for(works):
    held = works.receiver.hold(2)
    await works.add(trigger=every(10, count=2), policies=by("skip"))
    await step(works)
    await works.tasks.trigger_now(a_key("task"), ALICE)
    await step(works)
    await sent(works, 2)
    held[0].set_result(OK)
    await until(lambda: works.engine.crew.free == works.slots - 1)
    await step(works, 10)
    await sent(works, 3)
    held[1].set_result(OK)
    await works.idle()
    assert {state for _, state, _ in await told(works)} == {"succeeded"}


async def test_a_key_is_held_by_one_task_at_a_time_and_goes_to_the_most_urgent(works):
    (first,) = works.receiver.hold()
    await works.add("first", once(), policies=needing("db"))
    await step(works)
    await sent(works, 1)
    await works.add("low", once(at(1)), policies=needing("db"), priority=1)
    await works.add("high", once(at(2)), policies=needing("db"), priority=9)
    await works.add("free", once(at(2)))
    await step(works, 3)
    await sent(works, 2)
    first.set_result(OK)
    await works.idle()
    await works.turn()
    await works.turn()
    names = [works.receiver.header(n, "X-Dispatch-Name") for n in range(4)]
    assert names == ["first", "free", "high", "low"]


async def test_a_key_with_a_limit_is_a_semaphore(works):
    held = works.receiver.hold(2)
    for n in range(4):
        await works.add(f"t{n}", once(), policies=needing("db", 2))
    await step(works)
    await sent(works, 2)
    await step(works, 1)
    assert len(works.receiver.orders) == 2
    held[0].set_result(OK)
    held[1].set_result(OK)
    await works.idle()
    await works.turn()
    assert len(works.receiver.orders) == 4


async def test_a_task_may_give_way_or_fail_where_the_key_is_taken(works):
    (first,) = works.receiver.hold()
    await works.add("first", once(), policies=needing("db"))
    await step(works)
    await works.add("skips", once(at(1)), policies=needing("db", busy="skip"))
    await works.add("fails", once(at(1)), policies=needing("db", busy="fail"))
    await step(works, 2)
    first.set_result(OK)
    await works.idle()
    assert await told(works, "skips") == [(1, "skipped", "concurrency")]
    assert await told(works, "fails") == [(1, "failed", "concurrency")]
    assert (await works.tasks.find(a_key("fails"))).failed == 1


@pytest.mark.parametrize("change", ["pause", "delete", "replace"])
async def test_a_task_that_is_paused_deleted_or_replaced_gives_its_key_to_others(works, change):
    refused = an_outcome(status=None, delivery=Delivery.NOT_SENT, reason=Reason.DNS)
    works.receiver.says = [refused]
    await works.add("first", once(), policies=needing("db"))
    await works.turn()
    await works.add("second", once(), policies=needing("db"))
    await works.turn()
    assert await told(works, "second") == [(0, "pending", None)]
    if change == "replace":
        await works.add("first", once(at(3600)), overwrite=True)
    else:
        await getattr(works.tasks, change)(a_key("first"), ALICE)
    await works.turn()
    assert await told(works, "second") == [(0, "succeeded", None)]


@pytest.mark.parametrize("busy", ["queue", "skip", "fail"])
async def test_what_was_sent_before_a_pause_waits_for_its_key_and_is_not_left_out(works, busy):
    works.receiver.says = [an_outcome(status=None, delivery=Delivery.NOT_SENT, reason=Reason.DNS)]
    await works.add("first", once(), policies=needing("db", busy=busy))
    await works.turn()
    await works.tasks.pause(a_key("first"), ALICE)
    (second,) = works.receiver.hold()
    await works.add("second", once(), policies=needing("db"))
    await step(works)
    await works.tasks.resume(a_key("first"), ALICE)
    await step(works, 10)
    assert await told(works, "first") == [(0, "pending", "dns")]
    second.set_result(OK)
    await works.idle()
    await works.turn()
    assert await told(works, "first") == [(0, "succeeded", None)]


@pytest.mark.parametrize(
    ("rule", "end"),
    [("skip", ("succeeded", None)), ("cancel_previous", ("cancelled", "overlap"))],
)
async def test_what_was_sent_before_a_pause_stands_back_behind_the_next_of_its_task(
    works, rule, end
):
    works.receiver.says = [an_outcome(status=None, delivery=Delivery.NOT_SENT, reason=Reason.DNS)]
    await works.add(trigger=every(2, count=2), policies=by(rule))
    await works.turn()
    await works.tasks.pause(a_key(), ALICE)
    await works.tasks.resume(a_key(), ALICE)
    (next_one,) = works.receiver.hold()
    await step(works, 2)
    await sent(works, 2)
    await step(works, 20)
    await step(works, 20)
    next_one.set_result(OK)
    await works.idle()
    await works.turn()
    assert await told(works) == [(0, *end), (2, "succeeded", None)]


async def test_after_a_crash_turns_and_keys_are_where_they_were(works):
    (hangs,) = works.receiver.hold()
    before = works.engine
    await works.add(
        trigger=every(10, count=3), policies=by("queue_all", concurrency=ConcurrencyKey(name="db"))
    )
    await step(works)
    await sent(works, 1)
    await step(works, 10)
    works.hire(works.slots, "node-after-the-crash")
    await works.engine.recover()
    await works.turn()
    await works.turn()
    await works.turn(10)
    assert [state for _, state, _ in await told(works)] == ["succeeded"] * 3
    assert works.dues == ["12:00:00", "12:00:00", "12:00:10", "12:00:20"]
    hangs.set_result(OK)
    await until(lambda: before.crew.free == works.slots)
