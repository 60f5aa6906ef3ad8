"""Quartz's misfire instructions in `policies.misfire`: known by their names, where they have a meaning."""

import pytest

from dispatchserver.domain.misfirepolicy import INSTRUCTIONS
from tests.dialects.building import a_cron, a_simple

AT = "taskConfig.policies.misfire"
MAKE = {"simple": a_simple, "cron": a_cron}
PAIRS = [(kind, str(name)) for kind, names in INSTRUCTIONS.items() for name in names]


def a_delay(**changed):
    return a_simple({"delay": "5m"}, triggerType="FixedDelayTrigger", **changed)


@pytest.mark.parametrize(("kind", "name"), PAIRS)
async def test_every_name_is_kept_and_shown(server, kind, name):
    for said in (name, f"misfire_instruction_{name.lower()}", {"policy": name}):
        await server.added(MAKE[kind](policies={"misfire": said}), replace="true")
        task = await server.task()
        assert (task["policies"]["misfire"], task["restart"]) == ({"policy": name}, None)


@pytest.mark.parametrize(
    ("task", "said", "words"),
    [
        (a_simple, "DO_NOTHING", "fire_all, SMART_POLICY, IGNORE_MISFIRE_POLICY, FIRE_NOW"),
        (a_cron, "FIRE_NOW", "FIRE_ONCE_NOW, DO_NOTHING"),
        (a_cron, {"policy": "FIRE_NOW"}, "FIRE_ONCE_NOW, DO_NOTHING"),
        (a_delay, "SMART_POLICY", "write one of fire_once, skip, fire_all"),
        (a_cron, "FIRE_LATER", "FIRE_ONCE_NOW, DO_NOTHING"),
        (a_cron, "MISFIRE_INSTRUCTION_", "FIRE_ONCE_NOW, DO_NOTHING"),
        (a_cron, {"policy": "DO_NOTHING", "max": 3}, "only with the policy fire_all"),
    ],
)
async def test_what_has_no_meaning_is_refused_with_what_has(server, task, said, words):
    english = await server.add(task(policies={"misfire": said}), headers={"Accept-Language": "en"})
    chinese = await server.add(task(policies={"misfire": said}), headers={"Accept-Language": "zh"})
    assert english.error.startswith(AT) and words in english.error
    assert AT in chinese.error and chinese.error != english.error
