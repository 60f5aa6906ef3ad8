"""Overlap and concurrency keys of add.do: refused where they cannot be, and shown as they are kept."""

import pytest

from tests.dialects.building import a_cron

AT = "taskConfig.policies."
REFUSED = [
    ({"overlap": "sometimes"}, "overlap", "queue_all"),
    ({"overlap": {"policy": "sometimes"}}, "overlap.policy", "cancel_previous"),
    ({"overlap": {}}, "overlap.policy", "required"),
    ({"overlap": {"policy": "skip", "max": 3}}, "overlap.max", "only with the policy queue_all"),
    ({"overlap": {"policy": "queue_all", "max": 0}}, "overlap.max", "from 1 to 1000"),
    ({"overlap": {"policy": "queue_all", "max": 1001}}, "overlap.max", "from 1 to 1000"),
    ({"overlap": {"policy": "queue_all", "max": "many"}}, "overlap.max", "whole number"),
    ({"overlap": {"policy": "skip", "most": 3}}, "overlap.most", "policy, max"),
    ({"overlap": 3}, "overlap", "queue_one"),
    ({"concurrencyKey": " db"}, "concurrencyKey", "without blanks at the ends"),
    ({"concurrencyKey": "a\nb"}, "concurrencyKey", "printable"),
    ({"concurrencyKey": "x" * 201}, "concurrencyKey", "1 to 200"),
    ({"concurrencyKey": [7]}, "concurrencyKey", "must be text"),
    ({"concurrencyKey": {"limit": 1}}, "concurrencyKey.key", "required"),
    ({"concurrencyKey": {"key": "db "}}, "concurrencyKey.key", "blanks"),
    ({"concurrencyKey": {"key": "db", "limit": 0}}, "concurrencyKey.limit", "from 1 to 1000"),
    ({"concurrencyKey": {"key": "db", "limit": 1001}}, "concurrencyKey.limit", "from 1 to 1000"),
    ({"concurrencyKey": {"key": "db", "onBusy": "run"}}, "concurrencyKey.onBusy", "queue"),
    ({"concurrencyKey": {"key": "db", "onbusy": "x"}}, "concurrencyKey.onbusy", "onBusy"),
]
KEPT = [
    ({"overlap": "skip"}, "overlap", {"policy": "skip"}),
    ({"overlap": {"policy": "queue_all"}}, "overlap", {"policy": "queue_all", "max": 100}),
    ({"concurrencyKey": "数据库"}, "concurrencyKey", {"key": "数据库", "limit": 1, "onBusy": "queue"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("policies", "field", "words"), REFUSED, ids=[f"{p}"[:60] for p, _, _ in REFUSED]
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
    assert f"{AT}{field}:" in english.error and words in english.error
    assert AT + field in chinese.error and chinese.error != english.error
    assert await server.task() == before


@pytest.mark.parametrize(("policies", "field", "kept"), KEPT, ids=[f"{p}" for p, _, _ in KEPT])
async def test_a_word_is_short_for_all_that_it_means(server, policies, field, kept):
    await server.added(a_cron(policies=policies))
    assert (await server.task())["policies"][field] == kept
