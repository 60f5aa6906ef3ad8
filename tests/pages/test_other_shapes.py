"""Pages of tasks of every shape: shown in words, and the same when their form is sent back unchanged."""

from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest

from dispatchserver.domain.changing import Addition
from dispatchserver.domain.daychoice import weekly
from dispatchserver.domain.misfirepolicy import SkipMissed
from dispatchserver.domain.task import Policies, Task, TaskKey, TaskSpec
from dispatchserver.domain.triggers import Trigger
from dispatchserver.pages.fields import task_fields
from dispatchserver.wording import describe
from tests.builders import RECALL, UTC_ZONE, every
from tests.pages.conftest import ADMIN, Browser, House, shown_form
from tests.shapes import a_window, after_runs, every_n_days, union, unix

KEY = TaskKey(group="demo", name="shaped")


def shaped(house: House) -> dict[str, Trigger]:
    now = house.clock.now()
    return {
        "window": a_window(weekly(2, [1, 5]), start=now),
        "days": every_n_days(first=now.date() + timedelta(days=1)),
        "delay": after_runs(first=now + timedelta(hours=1)),
        "union": union(every(60, start=now), every_n_days(first=now.date() + timedelta(days=1))),
        "unix": unix("0 9 1 * 1"),
    }


async def add(house: House, shape: str) -> Task:
    spec = TaskSpec(trigger=shaped(house)[shape], recall=RECALL)
    return await house.tasks.add(Addition(key=KEY, spec=spec, at=house.clock.now()), ADMIN)


SHAPES = ["window", "days", "delay", "union", "unix"]


@pytest.mark.parametrize("shape", SHAPES)
async def test_the_pages_say_the_rule(house: House, admin: Browser, shape: str) -> None:
    task = await add(house, shape)
    said = "0 9 1 * 1" if shape == "unix" else describe(task.spec.trigger, "zh")
    for path in ("/tasks", "/task?group=demo&name=shaped"):
        page = await admin.get(path)
        assert page.status == 200
        assert said in unescape(page.text)


@pytest.mark.parametrize("shape", SHAPES)
async def test_editing_the_rest_keeps_the_rule(house: House, admin: Browser, shape: str) -> None:
    task = await add(house, shape)
    page = await admin.get("/task/edit?group=demo&name=shaped")
    assert ("保持不变" in page.text) == (shape == "union")
    answer = await admin.act("/task/edit", **shown_form(page.text) | {"note": "changed"})
    assert answer.status == 303
    now = (await house.tasks.find(KEY)).task
    assert (now.version, now.spec.note) == (2, "changed")
    assert now.spec.trigger == task.spec.trigger


async def test_the_rule_may_be_replaced_by_one_that_the_form_has(
    house: House, admin: Browser
) -> None:
    task = await add(house, "window")
    fields = task_fields(task) | {"trigger": "cron", "cron": "0 0 9 * * ?", "start": "", "end": ""}
    answer = await admin.act("/task/edit", **fields)
    assert answer.status == 303
    assert (await house.tasks.find(KEY)).task.spec.trigger.kind == "cron"


async def test_a_new_task_cannot_keep_a_rule(house: House, admin: Browser) -> None:
    fields = {"group": "g", "name": "n", "url": "http://h.test/", "trigger": "kept"}
    answer = await admin.act("/tasks/new", zone=UTC_ZONE.key, **fields)
    assert answer.status == 422


async def test_editing_keeps_the_policies_that_the_form_does_not_show(
    house: House, admin: Browser
) -> None:
    policies = Policies(misfire=SkipMissed(), spread=timedelta(minutes=10))
    spec = TaskSpec(trigger=shaped(house)["window"], recall=RECALL, policies=policies)
    task = await house.tasks.add(Addition(key=KEY, spec=spec, at=house.clock.now()), ADMIN)
    answer = await admin.act("/task/edit", **task_fields(task) | {"total_timeout": "7s"})
    assert answer.status == 303
    kept = (await house.tasks.find(KEY)).task.spec.policies
    assert kept == replace(policies, total_timeout=timedelta(seconds=7))
