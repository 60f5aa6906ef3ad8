"""What saying a task again leaves as it was, where that is asked."""

from dataclasses import replace
from datetime import date

import pytest

from dispatchserver.domain import changing
from dispatchserver.domain.calendar import Edition, make_calendar
from dispatchserver.domain.changing import Action, Addition, PendingRule
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.task import Policies, Restart, TaskState
from tests.builders import NOON, a_key, a_spec, a_task, at, cron, every, once
from tests.shapes import after_runs, union

ACTIVE, PAUSED, FINISHED = TaskState.ACTIVE, TaskState.PAUSED, TaskState.FINISHED


def said_again(existing, *, now, paused=False, edition=None, **spec):
    """The change when the task's spec, changed so, is put over it."""
    spec = replace(existing.spec, **spec)
    addition = Addition(
        key=a_key(), spec=spec, at=now, overwrite=True, keep=True, paused=paused, edition=edition
    )
    return changing.add(addition, new_id="new")(existing)


@pytest.mark.parametrize("state", [ACTIVE, FINISHED])
@pytest.mark.parametrize("trigger", [once(), every(60, count=3), cron("0 0 9 * * ?")])
def test_a_task_said_again_unchanged_is_left_alone(trigger, state):
    task = a_task(trigger, state=state)
    change = said_again(task, now=at(30))
    assert (change.action, change.before, change.after) == (Action.REPLACED, task, task)
    assert (change.pending, change.fires) == (PendingRule.KEEP, ())


def test_a_paused_task_said_again_paused_is_left_alone_and_else_fires_again():
    task = a_task(every(60), state=PAUSED)
    assert said_again(task, now=at(30), paused=True).after is task
    resumed = said_again(task, now=at(30)).after
    assert (resumed.state, resumed.version, resumed.next_fire_at) == (ACTIVE, 2, at(60))


@pytest.mark.parametrize("data", [True, 1.0, "1"])
def test_data_of_another_type_are_a_change(data):
    task = a_task(recall=HttpRecall(url="http://receiver.test/", data={"a": 1}))
    recall = replace(task.spec.recall, data={"a": data})
    assert said_again(task, now=at(30), recall=recall).after.version == 2


def test_an_unchanged_counted_run_keeps_its_start_and_its_count():
    task = said_again(a_task(every(60, count=3)), now=at(90), note="edited").after
    assert (task.spec.trigger, task.next_fire_at) == (every(60, count=3), at(120))
    assert (task.state, task.version) == (ACTIVE, 2)


def test_a_run_that_a_misfire_began_anew_goes_on_from_there():
    restart = Restart(at=at(45), count=2)
    task = replace(a_task(every(60, count=3)), restart=restart)
    edited = said_again(task, now=at(50), note="edited").after
    assert (edited.restart, edited.next_fire_at) == (restart, at(105))
    anew = said_again(task, now=at(50), trigger=every(60, count=4)).after
    assert (anew.restart, anew.next_fire_at) == (None, at(50))


def test_a_changed_counted_run_begins_anew():
    task = said_again(a_task(every(60, count=3)), now=at(90), trigger=every(60, count=4)).after
    assert (task.spec.trigger.start, task.next_fire_at) == (at(90), at(90))


@pytest.mark.parametrize(("paused", "state"), [(False, FINISHED), (True, PAUSED)])
def test_an_unchanged_trigger_without_a_fire_left_stays_without(paused, state):
    task = a_task(once(), state=FINISHED, next_fire_at=None)
    edited = said_again(task, now=at(90), note="edited", paused=paused).after
    assert (edited.state, edited.next_fire_at, edited.spec.note) == (state, None, "edited")


@pytest.mark.parametrize(
    ("next_fire_at", "following"), [(at(600), at(600)), (at(10), at(90)), (None, at(90))]
)
def test_an_unchanged_fixed_delay_keeps_its_next_occasion_or_is_due_now(next_fire_at, following):
    task = a_task(after_runs(600), next_fire_at=next_fire_at)
    edited = said_again(task, now=at(90), note="edited").after
    assert (edited.spec.trigger, edited.next_fire_at) == (task.spec.trigger, following)


def test_a_fixed_delay_that_has_ended_stays_ended():
    task = a_task(after_runs(600, end=at(60)), state=FINISHED, next_fire_at=None)
    assert said_again(task, now=at(90), note="edited").after.state is FINISHED


def test_an_unchanged_union_goes_on_line_by_line():
    lines = union(every(60, count=3), every(100, count=5))
    task = said_again(a_task(lines), now=at(130), note="edited").after
    assert (task.spec.trigger, task.next_fire_at) == (lines, at(200))


def test_a_calendar_that_leaves_an_unchanged_trigger_nothing_is_refused():
    weekend = Edition("weekend", 1, make_calendar([6, 7], [], [date(2026, 1, 1)]))
    policies = Policies(calendar="weekend")
    task = a_task(cron("0 0 9 ? * SAT"))
    with pytest.raises(Invalid, match=r"calendar\.leaves_nothing"):
        said_again(task, now=at(30), policies=policies, edition=weekend)


def test_where_it_is_not_asked_everything_begins_anew():
    addition = Addition(key=a_key(), spec=a_spec(once()), at=at(90), overwrite=True)
    task = changing.add(addition, new_id="new")(a_task(once())).after
    assert (task.version, task.next_fire_at) == (2, at(90))
    assert task.spec.trigger.start == at(90) != NOON
