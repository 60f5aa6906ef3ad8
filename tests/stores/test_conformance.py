"""What every store promises, asked through ports.Store and ports.Accounts only."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from dispatchserver.domain import changing
from dispatchserver.domain.access import Session, Token
from dispatchserver.domain.changing import Action
from dispatchserver.domain.errors import FireEnded, FireNotFound, Invalid, TaskExists, TaskNotFound
from dispatchserver.domain.fire import Decision, Delivery, FireState, MissedRun, Reason
from dispatchserver.domain.judging import LOST_LIMIT, after_loss
from dispatchserver.domain.listing import Assignment, FireFilter, PageRequest, TaskFilter
from dispatchserver.domain.placing import anywhere
from dispatchserver.domain.planning import plan
from dispatchserver.domain.recall import (
    Ack,
    BodyShape,
    Framing,
    HttpRecall,
    ReplyRule,
    SocketRecall,
)
from dispatchserver.domain.reporting import Note, Report, accept_report
from dispatchserver.domain.task import Policies, TaskState
from tests.builders import (
    ALICE,
    NOON,
    RECALL,
    a_key,
    an_attempt,
    an_outcome,
    at,
    every,
    once,
)
from tests.houses import NODE
from tests.shapes import SHAPES

ID = "f" * 32
DAY = timedelta(days=1)


# Tasks


async def test_an_added_task_is_found_as_it_was_said(house):
    policies = Policies(total_timeout=timedelta(seconds=2), report_timeout=DAY)
    added = await house.add(priority=-7, note="注", labels={"a": "b"}, policies=policies)
    status = await house.find()
    assert status.task == added
    assert (status.succeeded, status.failed, status.waiting) == (0, 0, 0)
    assert (status.last_fire_id, status.last_state, status.last_finished_at) == (None, None, None)


@pytest.mark.parametrize("trigger", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    "recall",
    [
        RECALL,
        HttpRecall(url="https://r/", body_shape=BodyShape.FLAT, reply_rule=ReplyRule.CONTRACT),
        HttpRecall(url="https://r/", data={"深": [1.5, None, True, "x" * 9, 10**30]}),
        SocketRecall(host="::1", port=9, framing=Framing.LEN4, ack=Ack.REPLY, data="x"),
    ],
)
async def test_triggers_and_recalls_are_kept_to_the_letter(house, trigger, recall):
    added = await house.add(trigger=trigger, recall=recall)
    assert (await house.find()).task.spec == added.spec


@pytest.mark.parametrize("trigger", SHAPES.values(), ids=SHAPES)
async def test_tasks_made_ready_elsewhere_become_those_that_they_were_said_to_be(house, trigger):
    policies = Policies(total_timeout=timedelta(seconds=2), report_timeout=DAY)
    said = await house.add(trigger=trigger, priority=3, labels={"a": "b"}, policies=policies)
    ready = [replace(said, id=f"{n:032}", key=a_key(f"{n}")) for n in range(150)]
    assert await house.add_new(*ready)
    assert [(await house.find(task.key.name)).task for task in ready] == ready
    assert await house.audit() == [("added", "")] * 151
    assert dict(await house.store.list_groups("default")) == {"group": 151}


async def test_of_tasks_made_ready_none_is_added_where_one_of_their_keys_is_taken(house):
    first = await house.add("b")
    ready = [replace(first, id=f"{n:032}", key=a_key(name)) for n, name in enumerate("abc")]
    assert not await house.add_new(*ready)
    assert await house.tasks() == ["b"]
    assert await house.audit() == [("added", "")]
    await house.delete("b")
    assert await house.add_new(*ready)
    assert await house.tasks() == ["a", "b", "c"]


async def test_adding_a_second_task_of_the_same_key_is_refused(house):
    first = await house.add()
    with pytest.raises(TaskExists):
        await house.add(priority=9)
    assert (await house.find()).task == first
    assert await house.audit() == [("added", "")]


async def test_a_task_that_is_not_there_is_none(house):
    assert await house.find() is None
    with pytest.raises(TaskNotFound):
        await house.delete()


async def test_a_refused_trigger_stores_nothing(house):
    with pytest.raises(Invalid):
        await house.add(trigger=every(10, start=at(-60), end=at(-30)))
    assert await house.find() is None
    assert await house.audit() == []


async def test_replacing_raises_the_version_and_keeps_the_history(house):
    fire = await house.claimed(trigger=every(60))
    await house.store.settle(fire, an_attempt(fire))
    await house.add(priority=9, overwrite=True, now=at(1))
    status = await house.find()
    assert (status.task.version, status.task.spec.priority, status.succeeded) == (2, 9, 1)
    assert status.last_fire_id == fire.id
    assert await house.told() == [(0, "succeeded", None)]


async def test_keys_differ_by_namespace_group_and_name(house):
    await house.add("a")
    await house.add("b")
    with pytest.raises(TaskExists):
        await house.add("b")
    other = replace(a_key("b"), namespace="other")
    assert await house.store.find_task(other) is None


async def test_many_adds_submitted_together_share_one_commit_and_fail_alone(house):
    await house.add("7", priority=1)
    async with house.statements() as seen:
        adds = [house.add(str(n)) for n in range(50)]
        answers = await asyncio.gather(*adds, return_exceptions=True)
    refused = [n for n, answer in enumerate(answers) if isinstance(answer, Exception)]
    assert refused == [7]
    assert isinstance(answers[7], TaskExists)
    assert [a.key.name for n, a in enumerate(answers) if n != 7] == [
        str(n) for n in range(50) if n != 7
    ]
    assert seen.count("COMMIT") == 1


async def test_two_adds_of_one_key_in_one_batch_see_each_other(house):
    first, second = await asyncio.gather(house.add(), house.add(), return_exceptions=True)
    assert first.version == 1
    assert isinstance(second, TaskExists)


async def test_commands_on_one_key_in_one_batch_are_carried_out_in_order(house):
    async with house.statements() as seen:
        answers = await asyncio.gather(
            house.add(), house.pause(), house.add(overwrite=True), house.delete(), house.add()
        )
    assert seen.count("COMMIT") == 1
    assert [answers[0].version, answers[2].version, answers[4].version] == [1, 2, 1]
    assert [action for action, _ in await house.audit()] == [
        "added",
        "paused",
        "replaced",
        "deleted",
        "added",
    ]


async def test_a_decision_that_breaks_takes_nothing_else_of_its_batch_down(house):
    def broken(task):
        raise ZeroDivisionError

    change = house.store.change_task(a_key("b"), broken, ALICE, NOON)
    answers = await asyncio.gather(house.add("a"), change, house.add("c"), return_exceptions=True)
    assert isinstance(answers[1], ZeroDivisionError)
    assert await house.tasks() == ["a", "c"]


async def test_a_caller_that_goes_away_leaves_its_write_standing(house):
    add = asyncio.ensure_future(house.add())
    await asyncio.sleep(0)
    add.cancel()
    await house.store.check()
    assert await house.tasks() == ["task"]


async def test_pausing_holds_what_is_due_and_takes_back_what_is_not(house):
    await house.add(trigger=every(1))
    await house.plan(NOON, ahead=3)
    await house.pause(now=at(1))
    assert [(fire.due_at, fire.held) for fire in await house.fires()] == [
        (at(0), True),
        (at(1), True),
    ]
    assert (await house.find()).task.next_fire_at == at(2)
    assert await house.claim(at(9)) == []
    assert await house.store.next_run() is None


async def test_resuming_releases_what_was_held_and_tells_what_was_swallowed(house):
    await house.add(trigger=every(1))
    await house.plan(NOON, ahead=0)
    await house.pause()
    await house.resume(now=at(3))
    assert await house.told() == [(0, "pending", None), (3, "skipped", "paused")]
    skipped = (await house.fires())[1]
    assert skipped.missed == MissedRun(first=at(1), last=at(3), count=3)
    assert [fire.due_at for fire in await house.claim(at(3))] == [NOON]


async def test_a_fire_claimed_in_the_moment_of_the_pause_hides_nothing_of_it(house):
    await house.add(trigger=every(1))
    await house.plan(NOON, ahead=0)
    await house.claim(NOON)
    await house.pause(now=at(-0.001))
    await house.resume(now=at(3))
    assert await house.told() == [(0, "running", None), (3, "skipped", "paused")]


async def test_deleting_cancels_what_is_due_and_keeps_the_history(house):
    await house.add(trigger=every(1))
    await house.plan(NOON, ahead=3)
    await house.delete(now=at(1))
    assert await house.told() == [(0, "cancelled", "deleted"), (1, "cancelled", "deleted")]
    assert await house.find() is None
    assert await house.claim(at(9)) == []
    assert await house.store.next_occasion() is None


async def test_replacing_cancels_what_is_due_before_it_and_plans_the_rest_anew(house):
    await house.add(trigger=every(1))
    await house.plan(NOON, ahead=3)
    await house.add(trigger=every(1), now=at(2), overwrite=True)
    await house.plan(at(2), ahead=1)
    assert await house.told() == [
        (0, "cancelled", "replaced"),
        (1, "cancelled", "replaced"),
        (2, "pending", None),
        (3, "pending", None),
    ]
    assert {fire.version for fire in await house.claim(at(9))} == {2}


async def test_what_is_due_at_the_moment_of_a_replacement_that_begins_later_is_in_the_log(house):
    await house.add(trigger=every(1))
    await house.plan(NOON, ahead=3)
    await house.add(trigger=every(1, start=at(1.5)), now=at(1), overwrite=True)
    assert await house.told() == [(0, "cancelled", "replaced"), (1, "cancelled", "replaced")]


async def test_each_command_of_a_batch_takes_back_by_its_own_moment(house):
    for name in ("a", "b"):
        await house.add(name, every(1))
    await house.plan(NOON, ahead=1)
    await asyncio.gather(house.pause("a", at(0.5)), house.pause("b", at(1)))
    assert [fire.due_at for fire in await house.fires(name="a")] == [NOON]
    assert [fire.due_at for fire in await house.fires(name="b")] == [NOON, at(1)]


async def test_what_runs_or_waits_is_left_alone_by_commands(house):
    fire = await house.claimed(trigger=every(60))
    await house.pause(now=at(1))
    await house.delete(now=at(2))
    assert (await house.store.find_fire(fire.id)).state is FireState.RUNNING
    assert await house.store.settle(fire, an_attempt(fire, now=at(3)))
    assert await house.told() == [(0, "succeeded", None)]


async def test_triggering_fires_beside_the_schedule_even_while_paused(house):
    await house.add(trigger=every(60, start=at(60)))
    await house.pause()
    fire = await house.trigger_now(now=at(5))
    assert await house.claim(at(5)) == [
        replace(
            fire,
            state=FireState.RUNNING,
            attempts=1,
            claimed_by=NODE,
            claimed_at=at(5),
            deadline_at=at(3605),
        )
    ]
    assert (await house.find()).task.next_fire_at == at(60)


async def test_every_change_is_audited(house):
    await house.add()
    for command in (house.pause, house.resume, house.trigger_now, house.delete):
        await command(now=at(1))
    unheard = (
        Action.REPLACED,
        Action.PLANNED_ANEW,
        Action.REPLAYED,
    )  # these have rows of their own
    names = [str(action) for action in Action if action not in unheard]
    assert sorted(action for action, _ in await house.audit()) == sorted(names)


# Planning


async def test_due_tasks_are_active_and_come_earliest_first(house):
    for name, start in (("late", 9), ("b", 2), ("a", 1), ("paused", 0)):
        await house.add(name, every(60, start=at(start)))
    await house.pause("paused")
    due = await house.store.due_tasks(at(2), 10)
    assert [task.key.name for task in due] == ["a", "b"]
    assert [task.key.name for task in await house.store.due_tasks(at(99), 1)] == ["a"]
    assert await house.store.next_occasion() == at(1)


async def test_a_plan_creates_its_fires_and_moves_the_task(house):
    await house.add(trigger=every(1), priority=5)
    assert await house.plan(NOON, ahead=1) == 1
    assert await house.told() == [(0, "pending", None), (1, "pending", None)]
    assert (await house.find()).task.next_fire_at == at(2)


async def test_the_last_plan_finishes_the_task(house):
    await house.add(trigger=once())
    await house.plan()
    task = (await house.find()).task
    assert (task.state, task.next_fire_at) == (TaskState.FINISHED, None)
    assert await house.store.next_occasion() is None


@pytest.mark.parametrize("change", ["pause", "delete", "replace", "resume"])
async def test_a_plan_made_from_a_changed_task_writes_nothing(house, change):
    task = await house.add(trigger=every(1))
    stale = plan(task, at(5), at(5))
    if change == "replace":
        await house.add(trigger=every(1, start=at(100)), overwrite=True)
    if change in ("pause", "resume"):
        await house.pause()
    if change in ("delete", "resume"):
        await getattr(house, change)(now=at(3))
    fires = await house.told()
    assert await house.store.record_plans([stale]) == 0
    assert await house.told() == fires


async def test_an_occasion_is_created_once_however_often_it_is_planned(house):
    task = await house.add(trigger=every(1))
    plans = [plan(task, NOON, at(2)), plan(task, NOON, at(3)), plan(task, NOON, at(2))]
    written = await asyncio.gather(*(house.store.record_plans([p]) for p in plans))
    assert written == [1, 0, 0]
    assert await house.told() == [(n, "pending", None) for n in (0, 1, 2)]
    assert (await house.find()).task.next_fire_at == at(3)


async def test_a_misfire_keeps_its_range(house):
    await house.add(trigger=every(1))
    await house.plan(at(100), ahead=0)
    (fire,) = await house.fires()
    assert fire.missed == MissedRun(first=NOON, last=at(99), count=100)


# Claiming


async def test_the_largest_priority_is_claimed_first_then_the_oldest(house):
    for name, priority, start in (("a", 1, 0), ("b", 9, 3), ("c", 9, 2), ("d", -5, 0), ("e", 1, 1)):
        await house.add(name, once(at(start)), priority=priority)
    await house.plan(NOON, ahead=9)
    claims = [await house.claim(at(9), limit=2) for _ in range(4)]
    assert [[fire.key.name for fire in claim] for claim in claims] == [
        ["c", "b"],
        ["a", "e"],
        ["d"],
        [],
    ]


async def test_a_claim_never_gives_more_than_asked_nor_anything_twice(house):
    for n in range(20):
        await house.add(str(n), once())
    await house.plan()
    claims = await asyncio.gather(*(house.claim(NOON, limit=3, node=f"n{n}") for n in range(9)))
    ids = [fire.id for claim in claims for fire in claim]
    assert [len(claim) for claim in claims] == [3] * 6 + [2, 0, 0]
    assert len(set(ids)) == 20


async def in_hand(house, name):
    """The fire of a task as whoever has it in hand offers it."""
    task = (await house.find(name)).task
    (fire,) = await house.fires(name=name)
    return Assignment(fire=fire, recall=task.spec.recall, policies=task.spec.policies)


async def test_what_is_offered_in_vain_leaves_its_slot_to_the_most_urgent_in_hand(house):
    """Not to whoever is ready in the store: only the first of those in hand are offered."""
    for name, priority in (("paused", 9), ("ready", 1)):
        await house.add(name, once(), priority=priority)
    await house.plan()
    await house.store.let_go(at(1))
    offered = [await in_hand(house, "paused")]
    await house.pause("paused", at(-0.001))
    claims = await house.store.claim(NODE, NOON, 1, at(3600), offered=offered)
    assert (claims.assignments, claims.more) == ([], True)
    assert [fire.key.name for fire in await house.claim(limit=1)] == ["ready"]


async def test_nobody_goes_before_one_in_hand_that_was_not_looked_at_yet(house):
    for name, priority in (("urgent", 9), ("in hand", 5), ("humble", 1)):
        await house.add(name, once(), priority=priority)
    await house.plan()
    await house.store.let_go(at(1))
    rank = (await in_hand(house, "in hand")).fire.rank
    before = replace(anywhere(), reach=rank - 1)
    claims = await house.store.claim(NODE, NOON, 3, at(3600), lambda: before)
    assert [each.fire.key.name for each in claims.assignments] == ["urgent"]
    assert [fire.key.name for fire in await house.claim()] == ["in hand", "humble"]


async def test_nothing_is_claimed_before_its_time(house):
    await house.add(trigger=once(at(1)))
    await house.plan()
    assert await house.claim(at(0.999)) == []
    assert await house.store.next_run() == at(1)
    assert len(await house.claim(at(1))) == 1
    assert await house.store.next_run() is None


async def test_a_claim_notes_who_when_and_until_when(house):
    fire = await house.claimed(trigger=once())
    stored = await house.store.find_fire(fire.id)
    assert stored == fire
    assert (fire.state, fire.attempts) == (FireState.RUNNING, 1)
    assert (fire.claimed_by, fire.claimed_at, fire.deadline_at) == (NODE, NOON, at(3600))


async def test_an_assignment_carries_what_the_fires_own_version_says(house):
    policies = Policies(connect_timeout=timedelta(milliseconds=50))
    await house.add(trigger=once(), recall=SocketRecall(host="h", port=1), policies=policies)
    await house.plan()
    (assignment,) = (await house.store.claim(NODE, NOON, 1, at(3600))).assignments
    assert assignment.recall == SocketRecall(host="h", port=1)
    assert assignment.policies == policies
    assert await house.store.find_recalls([assignment.fire]) == [assignment.recall]


async def test_the_recall_of_a_replaced_version_is_still_known(house):
    fire = await house.claimed(trigger=once())
    await house.add(recall=HttpRecall(url="http://new/"), overwrite=True, now=at(1))
    assert await house.store.find_recalls([fire]) == [RECALL]
    assert await house.store.find_recalls([replace(fire, version=9), fire]) == [None, RECALL]


# Settling


@pytest.mark.parametrize(
    ("decision", "state", "counters"),
    [
        (Decision.SUCCESS, FireState.SUCCEEDED, (1, 0, 0)),
        (Decision.FAILURE, FireState.FAILED, (0, 1, 0)),
        (Decision.WAIT, FireState.WAITING, (0, 0, 1)),
        (Decision.RETRY, FireState.PENDING, (0, 0, 0)),
    ],
)
async def test_a_verdict_moves_the_fire_and_is_counted(house, decision, state, counters):
    fire = await house.claimed(trigger=once())
    assert await house.store.settle(fire, an_attempt(fire, decision, at=at(50), now=at(2)))
    status = await house.find()
    stored = await house.store.find_fire(fire.id)
    assert (stored.state, stored.claimed_by) == (state, None)
    assert (status.succeeded, status.failed, status.waiting) == counters
    ended = not state.open
    assert status.last_fire_id == (fire.id if ended else None)
    assert status.last_state == (state if ended else None)
    assert status.last_finished_at == stored.finished_at == (at(2) if ended else None)


async def test_an_attempt_is_kept_as_it_was_seen_and_judged(house):
    fire = await house.claimed(trigger=once())
    outcome = an_outcome(
        "好".encode(), status=503, truncated=True, connect_ms=3, first_byte_ms=9, detail="slow"
    )
    attempt = an_attempt(
        fire, Decision.FAILURE, outcome=outcome, reason=Reason.STATUS, result="r", now=at(2)
    )
    await house.store.settle(fire, attempt)
    assert list(await house.store.list_attempts(fire.id)) == [attempt]
    assert await house.store.list_attempts("none") == []


@pytest.mark.parametrize("detail", ["\0", "\ud800", "x" * 100_000, "'; DROP TABLE fires; --", "中"])
async def test_no_text_from_a_receiver_can_keep_a_verdict_from_being_stored(house, detail):
    fire = await house.claimed(trigger=once())
    outcome = an_outcome(b"\0\xff\xed\xa0\x80" * 2000, detail=detail)
    assert await house.store.settle(fire, an_attempt(fire, outcome=outcome))
    (kept,) = await house.store.list_attempts(fire.id)
    assert kept.outcome.truncated
    assert len(kept.outcome.detail) <= 4096


async def test_a_fire_settles_once(house):
    fire = await house.claimed(trigger=once())
    first = an_attempt(fire, result="first")
    assert await house.store.settle(fire, first)
    assert not await house.store.settle(fire, an_attempt(fire, Decision.FAILURE, result="second"))
    assert (await house.store.find_fire(fire.id)).result == "first"
    assert list(await house.store.list_attempts(fire.id)) == [first]
    assert (await house.find()).failed == 0


async def test_two_settlements_in_one_batch_are_fenced_as_well(house):
    fire = await house.claimed(trigger=once())
    attempts = [an_attempt(fire), an_attempt(fire, Decision.FAILURE)]
    moved = await asyncio.gather(*(house.store.settle(fire, attempt) for attempt in attempts))
    assert sorted(moved) == [False, True]
    status = await house.find()
    assert status.succeeded + status.failed == 1
    assert len(await house.store.list_attempts(fire.id)) == 1


async def test_an_attempt_of_an_earlier_claim_moves_nothing(house):
    earlier = await house.claimed(trigger=once())
    await house.store.settle(earlier, an_attempt(earlier, Decision.RETRY, at=at(1)))
    (later,) = await house.claim(at(1))
    assert later.attempts == 2
    assert not await house.store.settle(earlier, an_attempt(earlier))
    assert (await house.store.find_fire(later.id)).state is FireState.RUNNING
    assert await house.store.settle(later, an_attempt(later))


async def test_many_settlements_share_one_commit(house):
    for n in range(20):
        await house.add(str(n), once())
    await house.plan()
    fires = await house.claim(limit=20)
    async with house.statements() as seen:
        await asyncio.gather(*(house.store.settle(fire, an_attempt(fire)) for fire in fires))
    assert seen.count("COMMIT") == 1
    assert {fire.state for fire in await house.fires()} == {FireState.SUCCEEDED}


async def test_of_a_batch_the_fire_booked_last_is_the_tasks_last(house):
    await house.add(trigger=every(1))
    await house.plan(ahead=3)
    fires = await house.claim(at(3))
    await asyncio.gather(*(house.store.settle(fire, an_attempt(fire)) for fire in fires))
    status = await house.find()
    assert (status.last_fire_id, status.succeeded) == (fires[-1].id, 4)


async def test_a_retry_is_pending_again_at_its_time(house):
    fire = await house.claimed(trigger=once())
    retry = an_attempt(fire, Decision.RETRY, reason=Reason.DNS, at=at(5))
    await house.store.settle(fire, retry)
    assert await house.store.next_run() == at(5)
    assert await house.claim(at(4.999)) == []
    (again,) = await house.claim(at(5))
    assert (again.id, again.attempts, again.due_at) == (fire.id, 2, NOON)


@pytest.mark.parametrize("change", ["delete", "replace"])
async def test_a_retry_of_a_deleted_or_replaced_task_ends_as_failed(house, change):
    fire = await house.claimed(trigger=every(60))
    if change == "delete":
        await house.delete(now=at(1))
    else:
        await house.add(trigger=every(60), overwrite=True, now=at(1))
    retry = an_attempt(fire, Decision.RETRY, reason=Reason.DNS, at=at(5), now=at(2))
    assert await house.store.settle(fire, retry)
    assert await house.told() == [(0, "failed", "dns")]


async def test_a_retry_of_a_paused_task_is_held_until_it_is_resumed(house):
    fire = await house.claimed(trigger=every(60))
    await house.pause(now=at(1))
    await house.store.settle(fire, an_attempt(fire, Decision.RETRY, at=at(5)))
    assert await house.claim(at(50)) == []
    await house.resume(now=at(51))
    assert [fire.attempts for fire in await house.claim(at(51))] == [2]


async def test_a_retry_of_a_manual_fire_goes_on_while_its_task_is_paused(house):
    await house.add(trigger=every(60, start=at(60)))
    await house.pause()
    await house.trigger_now()
    (fire,) = await house.claim()
    await house.store.settle(fire, an_attempt(fire, Decision.RETRY, at=at(5)))
    assert [fire.attempts for fire in await house.claim(at(5))] == [2]


# Reports


def reporting(house, fire_id, *, success=True, result=None, now=NOON):
    report = Report(fire_id=fire_id, success=success, result=result)
    note = Note(at=now, who="alice", door="test", success=success, text=result or "")
    return house.store.report(fire_id, partial(accept_report, report=report, now=now), note)


async def test_a_report_ends_a_waiting_fire(house):
    fire = await house.claimed(trigger=once())
    await house.store.settle(fire, an_attempt(fire, Decision.WAIT, at=at(60)))
    reported = await reporting(house, fire.id, result="done", now=at(5))
    assert reported.state is FireState.SUCCEEDED
    stored = await house.store.find_fire(fire.id)
    assert (stored.state, stored.reason, stored.result) == (
        FireState.SUCCEEDED,
        Reason.REPORTED,
        "done",
    )
    assert stored.finished_at == reported.finished_at == at(5)
    status = await house.find()
    assert (status.succeeded, status.waiting) == (1, 0)


async def test_a_report_may_overtake_the_reply_which_then_changes_nothing(house):
    fire = await house.claimed(trigger=once())
    await reporting(house, fire.id, success=False)
    attempt = an_attempt(fire, Decision.WAIT, at=at(60))
    assert not await house.store.settle(fire, attempt)
    assert await house.told() == [(0, "failed", "reported")]
    assert list(await house.store.list_attempts(fire.id)) == [attempt]
    status = await house.find()
    assert (status.failed, status.waiting) == (1, 0)


async def test_a_report_on_an_unknown_fire_is_not_found(house):
    with pytest.raises(FireNotFound):
        await reporting(house, ID)


async def test_a_second_report_is_refused_and_noted(house):
    fire = await house.claimed(trigger=once())
    answers = await asyncio.gather(
        reporting(house, fire.id, result="first"),
        reporting(house, fire.id, success=False, result="second"),
        return_exceptions=True,
    )
    assert isinstance(answers[1], FireEnded)
    assert (await house.store.find_fire(fire.id)).result == "first"
    assert await house.audit() == [
        ("added", ""),
        ("reported", '{"success":true,"text":"first"}'),
        ("report_refused", '{"mark":"again","success":false,"text":"second"}'),
    ]


async def test_a_report_ends_a_fire_that_would_have_been_tried_again(house):
    fire = await house.claimed(trigger=once())
    await house.store.settle(fire, an_attempt(fire, Decision.RETRY, at=at(5)))
    await reporting(house, fire.id)
    assert await house.claim(at(9)) == []


# Recovery and deadlines


def recovering(house, now=NOON, node="node-b"):
    return house.store.recover(node, now, partial(after_loss, now=now))


async def test_what_another_node_left_running_is_pending_again_with_its_attempt_lost(house):
    fire = await house.claimed(trigger=once())
    assert await recovering(house, at(9)) == 1
    (attempt,) = await house.store.list_attempts(fire.id)
    assert (attempt.number, attempt.node) == (1, NODE)
    assert (attempt.outcome.delivery, attempt.outcome.reason) == (
        Delivery.UNANSWERED,
        Reason.LOST,
    )
    (again,) = await house.claim(at(9), node="node-b")
    assert (again.id, again.attempts) == (fire.id, 2)


async def test_a_node_does_not_recover_its_own(house):
    fire = await house.claimed(trigger=once())
    assert await recovering(house, node=NODE) == 0
    assert (await house.store.find_fire(fire.id)).state is FireState.RUNNING


async def test_the_lost_nodes_late_verdict_is_fenced_off(house):
    fire = await house.claimed(trigger=once())
    await recovering(house)
    assert not await house.store.settle(fire, an_attempt(fire, result="late"))
    assert await house.told() == [(0, "pending", "lost")]
    (attempt,) = await house.store.list_attempts(fire.id)
    assert attempt.outcome.reason is Reason.LOST


async def test_a_fire_lost_too_often_fails(house):
    await house.claimed(trigger=once())
    for n in range(1, LOST_LIMIT + 1):
        assert await recovering(house, at(n * 20), node=f"n{n}") == 1
        await house.claim(at(n * 20 + 10), node=f"n{n}")
    assert await house.told() == [(0, "failed", "lost")]


@pytest.mark.parametrize(
    ("change", "told"), [("delete", (0, "failed", "lost")), ("pause", (0, "pending", "lost"))]
)
async def test_recovery_knows_deleted_and_paused_tasks(house, change, told):
    await house.claimed(trigger=every(60))
    await getattr(house, change)(now=at(1))
    await recovering(house, at(2))
    assert await house.told() == [told]
    assert await house.claim(at(9)) == []


async def test_a_pending_fire_past_its_deadline_is_skipped(house):
    await house.add(trigger=every(DAY * 9))
    await house.plan(ahead=0)
    assert await house.store.next_deadline() == NOON + DAY
    assert await house.store.expire(at(86_399.999), 10) == 0
    assert await house.store.expire(NOON + DAY, 10) == 1
    assert await house.told() == [(0, "skipped", "expired")]
    assert await house.store.next_deadline() is None


async def test_a_held_fire_past_its_deadline_was_skipped_by_its_pause(house):
    await house.add(trigger=every(DAY * 9))
    await house.plan(ahead=0)
    await house.pause()
    assert await house.store.expire(NOON + DAY, 10) == 1
    assert await house.told() == [(0, "skipped", "paused")]


async def test_a_waiting_fire_past_its_deadline_fails_and_is_counted(house):
    fire = await house.claimed(trigger=once())
    await house.store.settle(fire, an_attempt(fire, Decision.WAIT, result="so far", at=at(60)))
    assert await house.store.next_deadline() == at(60)
    assert await house.store.expire(at(60), 10) == 1
    assert await house.told() == [(0, "failed", "report_timeout")]
    assert (await house.store.find_fire(fire.id)).result == "so far"
    status = await house.find()
    assert (status.failed, status.waiting, status.last_fire_id) == (1, 0, fire.id)


async def test_a_running_fire_past_its_deadline_is_lost_and_tried_again(house):
    fire = await house.claimed(trigger=once())
    assert await house.store.expire(at(3600), 10) == 1
    assert await house.told() == [(0, "pending", "lost")]
    (attempt,) = await house.store.list_attempts(fire.id)
    assert attempt.outcome.reason is Reason.LOST
    assert [fire.attempts for fire in await house.claim(at(3600))] == [2]


@pytest.mark.parametrize("change", ["delete", "pause"])
async def test_a_running_fire_past_its_deadline_does_not_start_again_for_a_stopped_task(
    house, change
):
    await house.claimed(trigger=every(DAY * 9))
    await getattr(house, change)(now=at(1))
    assert await house.store.expire(at(3600), 10) == 1
    assert await house.claim(at(9999)) == []


async def test_the_earliest_deadlines_are_ended_first_up_to_the_limit(house):
    for n in range(5):
        await house.add(str(n), once(at(n)))
    await house.plan(ahead=9)
    assert await house.store.expire(NOON + DAY * 2, 3) == 3
    assert [due for due, state, _ in await house.told() if state == "skipped"] == [0, 1, 2]


# Lists


async def pages_of(fetch, limit):
    """All items, page by page."""
    items, cursor = [], None
    while True:
        page = await fetch(PageRequest(limit=limit, cursor=cursor))
        assert 1 <= len(page.items) <= limit
        items += page.items
        cursor = page.next_cursor
        if cursor is None:
            return items


async def test_pages_of_tasks_are_complete_and_in_order_for_every_limit(house):
    names = [f"{group}{name}" for group in "abc" for name in ("x", "y", "ä", "中", "Z")]
    await asyncio.gather(*(house.add(name, group=name[0]) for name in names))
    fetch = partial(house.store.list_tasks, TaskFilter(namespace="default"))
    listed = [(s.task.key.group, s.task.key.name) for s in await pages_of(fetch, 500)]
    assert listed == sorted((name[0], name) for name in names)
    for limit in range(1, 17):
        paged = await pages_of(fetch, limit)
        assert [(s.task.key.group, s.task.key.name) for s in paged] == listed


async def test_pages_of_one_group_are_complete_too(house):
    await asyncio.gather(*(house.add(f"{n}", group="ab"[n % 2]) for n in range(14)))
    fetch = partial(house.store.list_tasks, TaskFilter(namespace="default", group="b"))
    for limit in range(1, 9):
        paged = await pages_of(fetch, limit)
        assert [s.task.key.name for s in paged] == ["1", "11", "13", "3", "5", "7", "9"]


async def test_pages_of_fires_are_complete_and_in_order_for_every_limit(house):
    for n in range(3):
        await house.add(str(n), every(1, count=4))
    await house.plan(ahead=9)
    fetch = partial(house.store.list_fires, FireFilter(namespace="default"))
    listed = await pages_of(fetch, 500)
    assert listed == sorted(listed, key=lambda f: (f.due_at, f.id), reverse=True)
    assert len(listed) == 12
    for limit in range(1, 14):
        assert await pages_of(fetch, limit) == listed


async def test_a_page_of_fires_is_stable_while_new_ones_come(house):
    await house.add(trigger=every(1))
    await house.plan(ahead=5)
    wanted = FireFilter(namespace="default")
    first = await house.store.list_fires(wanted, PageRequest(limit=3))
    await house.plan(at(5), ahead=5)
    second = await house.store.list_fires(wanted, PageRequest(limit=3, cursor=first.next_cursor))
    dues = [(fire.due_at - NOON).seconds for fire in first.items + second.items]
    assert dues == [5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({}, ["50%", "a_b", "axb", "Näme"]),
        ({"group": "g2"}, ["axb", "Näme"]),
        ({"group": "G2"}, []),
        ({"text": "a_b"}, ["a_b"]),
        ({"text": "0%"}, ["50%"]),
        ({"text": "\\"}, []),
        ({"text": "A"}, ["a_b", "axb"]),
        ({"text": "ä"}, ["Näme"]),
        ({"text": "g2"}, ["axb", "Näme"]),
        ({"state": TaskState.PAUSED}, ["axb"]),
        ({"state": TaskState.FINISHED}, []),
        ({"namespace": "other"}, []),
        ({"text": "'; --"}, []),
    ],
)
async def test_tasks_are_filtered(house, wanted, names):
    for name, group in (("a_b", "g1"), ("50%", "g1"), ("axb", "g2"), ("Näme", "g2")):
        await house.add(name, group=group)
    key = a_key("axb", "g2")
    await house.store.change_task(key, changing.pause(key, NOON), ALICE, NOON)
    assert sorted(await house.tasks(**wanted)) == sorted(names)


@pytest.mark.parametrize(
    ("wanted", "dues"),
    [
        ({}, [0, 1, 2, 3]),
        ({"name": "a"}, [0, 2]),
        ({"group": "group", "name": "b"}, [1, 3]),
        ({"group": "other"}, []),
        ({"state": FireState.RUNNING}, [0]),
        ({"since": at(1), "until": at(3)}, [1, 2]),
        ({"since": at(4)}, []),
        ({"name": "a", "state": FireState.PENDING, "until": at(9)}, [2]),
        ({"namespace": "other"}, []),
    ],
)
async def test_fires_are_filtered(house, wanted, dues):
    await house.add("a", every(2, count=2))
    await house.add("b", every(2, start=at(1), count=2))
    await house.plan(ahead=9)
    await house.claim(NOON)
    assert [due for due, _, _ in await house.told(**wanted)] == dues


async def test_groups_are_counted(house):
    for name, group in (("1", "b"), ("2", "a"), ("3", "b")):
        await house.add(name, group=group)
    assert list(await house.store.list_groups("default")) == [("a", 1), ("b", 2)]
    assert list(await house.store.list_groups("other")) == []


BAD_CURSORS = [
    "",
    "x",
    "!!!!",
    "中",
    "W10",  # []
    "WzFd",  # [1]
    "eyJhIjoxfQ",  # {"a":1}
    "WyJcdWQ4MDAiLCAiYSJd",  # ["\ud800", "a"]
    "Ww" * 4000,
    "W1tb" * 2000,  # [[[[…
    "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMCwgIngiXQ",  # [1000…, "x"]
    "W3RydWUsICJ4Il0",  # [true, "x"]
]


@pytest.mark.parametrize("cursor", BAD_CURSORS)
async def test_a_cursor_that_is_not_ours_is_refused(house, cursor):
    page = PageRequest(cursor=cursor)
    with pytest.raises(Invalid, match=r"page\.cursor"):
        await house.store.list_tasks(TaskFilter(namespace="default"), page)
    with pytest.raises(Invalid, match=r"page\.cursor"):
        await house.store.list_fires(FireFilter(namespace="default"), page)


@pytest.mark.parametrize("limit", [0, -1, 501])
async def test_a_page_has_at_least_one_and_at_most_five_hundred_rows(house, limit):
    with pytest.raises(Invalid, match=r"page\.limit"):
        await house.store.list_tasks(TaskFilter(namespace="default"), PageRequest(limit=limit))
    with pytest.raises(Invalid, match=r"page\.limit"):
        await house.store.list_fires(FireFilter(namespace="default"), PageRequest(limit=limit))


async def test_an_empty_store_answers_nothing(house):
    await house.store.check()
    assert await house.tasks() == []
    assert await house.fires() == []
    assert await house.store.find_fire(ID) is None
    moments = (house.store.next_occasion, house.store.next_run, house.store.next_deadline)
    assert [await ask() for ask in moments] == [None, None, None]
    assert await house.plan() == 0
    assert await recovering(house) == 0


# Accounts


def a_token(token_id="t1", name="ci", **more):
    return Token(id=token_id, name=name, secret_hash="hash", created_at=NOON, **more)


async def test_a_token_is_found_by_its_id_and_listed_newest_first(house):
    older = a_token(expires_at=at(60))
    newer = replace(a_token("t2", "other"), created_at=at(1))
    await house.accounts.add_token(older)
    await house.accounts.add_token(newer)
    assert await house.accounts.find_token("t1") == older
    assert await house.accounts.find_token("t9") is None
    assert list(await house.accounts.list_tokens()) == [newer, older]


async def test_two_live_tokens_do_not_share_a_name(house):
    await house.accounts.add_token(a_token())
    with pytest.raises(Invalid, match=r"token\.name_taken"):
        await house.accounts.add_token(a_token("t2"))
    assert await house.accounts.revoke_token("t1", NOON)
    await house.accounts.add_token(a_token("t2"))


@pytest.mark.parametrize("handle", ["t1", "ci"])
async def test_a_token_is_revoked_once_by_id_or_name_and_stays_known(house, handle):
    await house.accounts.add_token(a_token())
    assert await house.accounts.revoke_token(handle, at(5))
    assert not await house.accounts.revoke_token(handle, at(6))
    assert (await house.accounts.find_token("t1")).revoked_at == at(5)


async def test_users_have_one_password_each(house):
    assert await house.accounts.count_users() == 0
    assert await house.accounts.add_user("alice", "hash", NOON)
    assert not await house.accounts.add_user("alice", "other", NOON)
    assert await house.accounts.find_password("alice") == "hash"
    assert await house.accounts.find_password("bob") is None
    assert await house.accounts.count_users() == 1


async def test_two_who_set_up_at_once_do_not_both_succeed(house):
    adds = [house.accounts.add_user("admin", str(n), NOON) for n in range(2)]
    assert await asyncio.gather(*adds) == [True, False]


async def test_a_session_lives_until_it_is_ended(house):
    session = Session(secret_hash="s", user="alice", csrf="c", created_at=NOON, seen_at=NOON)
    await house.accounts.add_session(session)
    await house.accounts.touch_session("s", at(9))
    assert await house.accounts.find_session("s") == replace(session, seen_at=at(9))
    await house.accounts.end_session("s")
    assert await house.accounts.find_session("s") is None
    await house.accounts.end_session("s")


async def test_old_sessions_are_forgotten_and_fresh_ones_kept(house):
    for name, seen in (("old", at(0)), ("fresh", at(100))):
        await house.accounts.add_session(
            Session(secret_hash=name, user="u", csrf="c", created_at=at(0), seen_at=seen)
        )
    await house.accounts.end_old_sessions(created_before=at(-1), seen_before=at(50))
    assert await house.accounts.find_session("old") is None
    assert await house.accounts.find_session("fresh") is not None
