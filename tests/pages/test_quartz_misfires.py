"""Quartz's misfire instructions as the page of a task tells them."""

from dataclasses import replace

import pytest

from dispatchserver.domain.listing import TaskStatus
from dispatchserver.domain.misfirepolicy import Instruction, QuartzMisfire
from dispatchserver.domain.task import Policies, Restart, Task
from dispatchserver.messages import LANGUAGES
from dispatchserver.pages.views import task_page
from dispatchserver.pages.words import Viewer
from tests.builders import NOON, a_task, at


def rules(task: Task, lang: str) -> list[tuple[str, str]]:
    status = TaskStatus(
        task=task,
        succeeded=0,
        failed=0,
        waiting=0,
        last_fire_id=None,
        last_state=None,
        last_finished_at=None,
    )
    page = task_page(status, Viewer(lang=lang, now=NOON))
    return [(fact.label, fact.value) for fact in page.rules]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("instruction", Instruction)
def test_a_task_page_tells_the_instruction_in_words(lang: str, instruction: Instruction) -> None:
    task = a_task(policies=Policies(misfire=QuartzMisfire(instruction)))
    told = [value for _, value in rules(task, lang) if f"{instruction}" in value]
    assert len(told) == 1 and told[0] != f"quartz.{instruction}"


def test_a_task_page_tells_since_when_a_trigger_began_anew() -> None:
    task = replace(a_task(), restart=Restart(at=at(60), count=3))
    assert ("page.fact.restart", "2026-03-04 12:01:00 +00:00") in rules(task, "en")
