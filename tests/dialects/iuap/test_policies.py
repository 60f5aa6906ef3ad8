"""The policies of add.do: stored as they were said, refused where they cannot be."""

import pytest

from tests.dialects.building import a_cron

AT = "taskConfig.policies."


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (None, {"policy": "fire_once"}),
        ("fire_once", {"policy": "fire_once"}),
        ("SKIP", {"policy": "skip"}),
        ({"policy": "skip"}, {"policy": "skip"}),
        ("fire_all", {"policy": "fire_all", "max": 100, "spacing": "100ms"}),
        (
            {"policy": "fire_all", "max": "7", "spacing": "1s"},
            {"policy": "fire_all", "max": 7, "spacing": "1s"},
        ),
        (
            '{"policy":"fire_all","spacing":0}',
            {"policy": "fire_all", "max": 100, "spacing": "0s"},
        ),
    ],
)
async def test_what_becomes_of_missed_occasions_is_kept(server, said, shown):
    await server.added(a_cron(policies={"misfire": said}))
    policies = (await server.task())["policies"]
    assert policies["misfire"] == shown
    assert (policies["misfireGrace"], policies["spread"]) == ("1m", None)


async def test_grace_spread_and_jitter_are_kept(server):
    await server.added(a_cron(policies={"misfireGrace": "5m", "spread": "10m", "jitter": "30s"}))
    policies = (await server.task())["policies"]
    assert (policies["misfireGrace"], policies["spread"]) == ("5m", "10m")
    assert policies["jitter"] == "30s"


REFUSED = [
    ({"misfire": "later"}, "misfire", "fire_once, skip, fire_all"),
    ({"misfire": 5}, "misfire", "fire_once, skip, fire_all"),
    ({"misfire": ["skip"]}, "misfire", "text"),
    ({"misfire": {}}, "misfire.policy", "required"),
    ({"misfire": {"policy": "fire_all", "max": 0}}, "misfire.max", "1 to 100"),
    ({"misfire": {"policy": "fire_all", "max": 101}}, "misfire.max", "1 to 100"),
    ({"misfire": {"policy": "fire_all", "max": "x"}}, "misfire.max", "1 to 100"),
    ({"misfire": {"policy": "fire_all", "spacing": "2h"}}, "misfire.spacing", "3600"),
    ({"misfire": {"policy": "skip", "max": 3}}, "misfire.max", "only with the policy fire_all"),
    ({"misfireGrace": "25h"}, "misfireGrace", "24 hours"),
    ({"misfireGrace": "soon"}, "misfireGrace", "5m"),
    ({"spread": "25h"}, "spread", "24 hours"),
    ({"spread": 0}, "spread", "1 millisecond"),
    ({"spread": "wide"}, "spread", "5m"),
    ({"jitter": "25h"}, "jitter", "24 hours"),
]


@pytest.mark.parametrize(
    ("policies", "field", "words"), REFUSED, ids=[f"{f} {w}" for _, f, w in REFUSED]
)
async def test_what_is_wrong_is_named_in_both_languages_and_changes_nothing(
    server, policies, field, words
):
    await server.added()
    before = await server.task()
    task = a_cron(policies=policies)
    english = await server.add(task, replace="true", headers={"Accept-Language": "en"})
    chinese = await server.add(task, replace="true", headers={"Accept-Language": "zh"})
    assert english.doc["success"] is False
    assert english.error.startswith(f"{AT}{field}:") and words in english.error
    assert AT + field in chinese.error and chinese.error != english.error
    assert await server.task() == before
