"""Why it fired, or did not: one answer for every way in which an occasion can have ended."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dispatchserver.domain.calendar import Edition, make_calendar
from dispatchserver.domain.evidence import AuditEntry, Evidence, Life, life_at
from dispatchserver.domain.fire import FireKind, FireState, MissedRun, Reason, Turn
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.task import Policies, TaskState
from dispatchserver.domain.why import why
from dispatchserver.messages import catalog
from dispatchserver.wording.whys import say_because
from tests.builders import NOON, UTC_ZONE, a_fire, a_task, at, cron, every

HOURLY = cron("0 0 * * * ?")
LATER = NOON + timedelta(hours=6)


def evidence(*fires, task=None, then=None, changes=()):
    standing = task or a_task(HOURLY, next_fire_at=at(7 * 3600))
    return Evidence(task=standing, then=then or standing, fires=fires, changes=changes)


def entry(action, when=NOON, **more):
    return AuditEntry(at=when, who="alice", door="page", action=action, **more)


def answer(given, moment=NOON, now=LATER):
    """The code, and the sentence in English."""
    because = why(given, moment, now)
    for lang in ("zh", "en"):
        said = say_because(because, UTC_ZONE, lang)
        assert "{" not in said and not said.startswith("why.")
    return because.code, said


def ended(state, reason=None, **more):
    told = {"attempts": 1, "claimed_at": NOON, "finished_at": at(2)} | more
    return a_fire(state=state, reason=reason, **told)


def test_it_fired_and_succeeded():
    code, said = answer(evidence(ended(FireState.SUCCEEDED)))
    assert code == "succeeded"
    assert said == (
        "It fired at 2026-03-04 12:00:00+00:00 and succeeded at 2026-03-04 12:00:02+00:00; attempts: 1."
    )


def test_it_fired_late():
    code, said = answer(evidence(ended(FireState.SUCCEEDED, claimed_at=at(75), finished_at=at(76))))
    assert code == "succeeded_late" and "1 min 15 s late" in said


def test_it_failed_and_why():
    code, said = answer(evidence(ended(FireState.FAILED, Reason.TIMEOUT, attempts=3)))
    assert code == "failed" and "Attempts: 3" in said and "no reply in time" in said


@pytest.mark.parametrize(
    ("fire", "code", "words"),
    [
        (a_fire(state=FireState.RUNNING, attempts=2), "running", "attempt 2"),
        (a_fire(state=FireState.WAITING, attempts=1), "waiting", "report"),
        (a_fire(held=True), "held", "by alice"),
        (a_fire(run_at=at(7 * 3600), attempts=1, reason=Reason.DNS), "again_at", "19:00:00"),
        (a_fire(run_at=at(7 * 3600)), "planned", "19:00:00"),
        (a_fire(), "queued", "6 h"),
    ],
)
def test_a_fire_on_its_way_says_what_it_waits_for(fire, code, words):
    given = evidence(fire, changes=[entry("paused", at(60))])
    assert answer(given)[0] == code
    assert words in answer(given)[1]


@pytest.mark.parametrize("reason", [r for r in Reason if r not in (Reason.LOST,)])
@pytest.mark.parametrize("state", [FireState.SKIPPED, FireState.CANCELLED, FireState.FAILED])
def test_every_end_for_every_reason_has_its_sentence_in_both_languages(state, reason):
    run = MissedRun(first=at(-3600), last=NOON, count=2)
    code, said = answer(evidence(ended(state, reason, missed=run)))
    assert f"why.{code}" in catalog("zh") and said.endswith(".")


def test_a_calendar_is_named():
    under = a_task(HOURLY, policies=Policies(calendar="holidays"))
    skipped = ended(FireState.SKIPPED, Reason.CALENDAR)
    code, said = answer(evidence(skipped, then=under))
    assert (code, "holidays" in said) == ("skipped_calendar", True)


def test_a_pause_names_who_paused():
    skipped = ended(FireState.SKIPPED, Reason.PAUSED)
    paused = entry("paused", at(-600))
    because = why(evidence(skipped, changes=[entry("resumed", at(60)), paused]), NOON, LATER)
    assert (because.code, because.change) == ("skipped_paused", paused)
    assert "by alice at 2026-03-04 11:50:00" in answer(evidence(skipped, changes=[paused]))[1]


def test_an_occasion_that_was_missed_and_made_up_for_names_the_fire():
    run = MissedRun(first=at(-7200), last=at(3600), count=4)
    made_up = ended(FireState.SUCCEEDED, due_at=at(3600), missed=run)
    because = why(evidence(made_up), NOON, LATER)
    assert (because.code, because.fire) == ("made_up", made_up)


def test_the_occasion_s_own_row_says_more_than_a_range_or_a_run_by_hand():
    run = MissedRun(first=at(-7200), last=at(3600), count=4)
    hand = ended(FireState.SUCCEEDED, kind=FireKind.MANUAL, id="m" * 32)
    range_row = ended(FireState.SKIPPED, Reason.MISFIRE, due_at=at(3600), missed=run)
    own = ended(FireState.FAILED, Reason.DNS)
    assert why(evidence(hand, range_row, own), NOON, LATER).fire is own
    assert why(evidence(hand, range_row), NOON, LATER).fire is range_row
    assert answer(evidence(hand, changes=[entry("triggered", fire_id="m" * 32)]))[0] == "by_hand"


def test_a_time_that_the_schedule_does_not_name_is_told_between_those_that_it_does():
    code, said = answer(evidence(), at(1800))
    assert code == "not_named_between"
    assert "12:00:00" in said and "13:00:00" in said
    asked_whole_minute = a_task(cron("30 0 12 * * ?"), next_fire_at=None)
    assert answer(evidence(task=asked_whole_minute))[0] == "no_record"


def test_a_schedule_that_is_over_says_so():
    done = a_task(every(60, count=2), next_fire_at=None, state=TaskState.FINISHED)
    assert answer(evidence(task=done), at(3600))[0] == "over"


def test_before_the_first_time_only_the_first_is_told():
    starts = a_task(every(60, start=at(3600)), next_fire_at=at(3600))
    assert answer(evidence(task=starts), at(60))[0] == "not_named"


def test_what_was_not_there_then_says_since_when_it_is_or_was():
    task = a_task(HOURLY)
    nothing = Evidence(task=None, then=None, fires=(), changes=())
    assert answer(nothing)[0] == "unknown"
    assert answer(replace(nothing, task=task), at(-3600))[0] == "not_yet_added"
    deleted = replace(nothing, changes=[entry("deleted", at(-60))])
    code, said = answer(deleted)
    assert (code, "alice" in said) == ("deleted", True)


def test_what_is_to_come_is_told_and_whether_it_is_held_back():
    assert answer(evidence(), at(8 * 3600))[0] == "to_come"
    paused = a_task(HOURLY, state=TaskState.PAUSED, next_fire_at=at(3600))
    given = evidence(task=paused, changes=[entry("paused", at(60))])
    assert answer(given, at(8 * 3600))[0] == "paused"
    assert answer(given, at(2 * 3600))[0] == "paused"


def test_what_was_not_planned_yet_and_what_is_not_on_record_any_more_differ():
    behind = a_task(HOURLY, next_fire_at=at(3600))
    assert answer(evidence(task=behind), at(3600))[0] == "not_planned_yet"
    assert answer(evidence(), at(3600))[0] == "no_record"


def test_a_time_that_the_calendar_excludes_is_told_with_the_next_that_it_leaves():
    closed = make_calendar(weekdays=[3], excluded=[], working=[])  # NOON is a Wednesday
    task = a_task(cron("0 0 12 * * ?"), policies=Policies(calendar="c"), next_fire_at=at(86_400))
    task = replace(task, edition=Edition("c", 1, closed))
    code, said = answer(evidence(task=task))
    assert code == "excluded" and "calendar c" in said and "2026-03-05 12:00:00" in said


def test_what_overlap_and_keys_did_is_told_with_the_key():
    key = {"key_name": "db"}
    for fire, code in [
        (ended(FireState.SKIPPED, Reason.OVERLAP), "skipped_overlap"),
        (ended(FireState.SKIPPED, Reason.CONCURRENCY, **key), "skipped_concurrency"),
        (ended(FireState.FAILED, Reason.CONCURRENCY, **key), "failed_concurrency"),
        (ended(FireState.CANCELLED, Reason.OVERLAP), "cancelled_overlap"),
        (a_fire(turn=Turn.ASKS), "queued_behind_task"),
        (a_fire(turn=Turn.BEHIND_TASK), "queued_behind_task"),
        (a_fire(turn=Turn.BEHIND_KEY, **key), "queued_behind_key"),
    ]:
        told, said = answer(evidence(fire))
        assert (told, "db" in said) == (code, fire.key_name is not None)


def test_a_repetition_and_what_the_task_itself_spreads_are_not_late():
    again = ended(FireState.SUCCEEDED, attempts=2, claimed_at=at(300), finished_at=at(301))
    assert answer(evidence(again))[0] == "succeeded"
    spread = a_task(HOURLY, policies=Policies(spread=timedelta(minutes=5)))
    placed = ended(FireState.SUCCEEDED, claimed_at=at(290), finished_at=at(291))
    assert answer(evidence(placed, then=spread))[0] == "succeeded"
    assert answer(evidence(placed))[0] == "succeeded_late"


def test_a_fixed_delay_has_no_times_of_its_own():
    delay = FixedDelayTrigger(delay=timedelta(minutes=10), first=at(-3600), zone=UTC_ZONE)
    code, said = answer(evidence(task=a_task(delay, next_fire_at=None)))
    assert (code, "10 min" in said) == ("after_each", True)


def test_who_paused_is_who_did_it_first_since_it_was_active():
    added, resumed = entry("added", at(-900)), entry("resumed", at(-600))
    first, again = entry("paused", at(-500)), entry("paused", at(-400))
    told = evidence(changes=[again, first, resumed, entry("paused", at(-700)), added])
    assert told.paused(NOON) is first
    assert told.paused(at(-550)) is None
    assert told.paused(at(-800)) is added


def test_a_task_added_in_the_minute_asked_for_was_not_there_when_it_began():
    task = replace(a_task(HOURLY, next_fire_at=at(3600)), spec_since=at(20), created_at=at(20))
    added = entry("added", at(20))
    assert answer(evidence(task=task, changes=[added]))[0] == "not_yet_added"


def test_a_task_that_was_deleted_since_and_left_no_trace_is_told_so():
    changes = [entry("deleted", at(600)), entry("added", at(-600))]
    gone = Evidence(task=None, then=None, fires=(), changes=changes)
    assert answer(gone)[0] == "deleted_since"
    assert answer(gone, at(-3600))[0] == "not_yet_added"
    assert answer(gone, at(590))[0] == "deleted"
    assert life_at(changes, NOON) == Life(at(-600), at(600))
    assert life_at(changes, at(601)) is None


def test_of_a_broadcast_the_shard_that_failed_is_told():
    well = [ended(FireState.SUCCEEDED, shard=n, shards=3, id=f"{n:032}") for n in range(2)]
    spoiled = ended(FireState.FAILED, Reason.CONNECT, shard=2, shards=3, id=f"{2:032}")
    assert answer(evidence(*well, spoiled))[0] == "failed"
    assert answer(evidence(*well))[0] == "succeeded"
    alone = ended(FireState.FAILED, Reason.CONNECT, due_at=at(30))
    assert answer(evidence(*well, alone))[0] == "succeeded"
