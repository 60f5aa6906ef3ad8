"""Quartz's misfire instructions as the page of a task tells them."""

import pytest

from dispatchserver.domain.misfirepolicy import Instruction, QuartzMisfire
from dispatchserver.domain.task import Policies, Task
from dispatchserver.messages import LANGUAGES
from dispatchserver.pages.views import task_page
from dispatchserver.pages.words import Viewer
from dispatchserver.ports import TaskStatus
from tests.builders import NOON, a_task


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("instruction", Instruction)
def test_a_task_page_tells_the_instruction_in_words(lang: str, instruction: Instruction) -> None:
    task: Task = a_task(policies=Policies(misfire=QuartzMisfire(instruction)))
    status = TaskStatus(
        task=task,
        succeeded=0,
        failed=0,
        waiting=0,
        last_fire_id=None,
        last_state=None,
        last_finished_at=None,
    )
    page = task_page(status, [], Viewer(lang=lang, now=NOON))
    told = [fact.value for fact in page.rules if f"{instruction}" in fact.value]
    assert len(told) == 1 and told[0] != f"quartz.{instruction}"
