"""The retry policy of add.do: refused where it cannot be; kept to the letter by a real server and its receiver."""

import pytest

from tests.dialects.building import a_cron

AT = "taskConfig.policies.retry"
REFUSED = [
    ("soon", "", "not valid JSON"),
    ({"delays": ["5s", "-1s"]}, ".delays[1]", "5m"),
    ({"delays": ["1ms"]}, ".delays[0]", "50 ms"),
    ({"delays": ["2d"]}, ".delays[0]", "a day"),
    ({"delays": []}, ".delays", "list"),
    ({"delays": ["1s"] * 21}, ".delays", "20"),
    ({"delays": ["1s"], "max": 3}, ".max", "delays"),
    ({"max": -1}, ".max", "0 (never again) to 20"),
    ({"max": 21}, ".max", "0 (never again) to 20"),
    ({"max": "many"}, ".max", "whole number"),
    ({"base": "1ms"}, ".base", "50 ms"),
    ({"factor": 0.5}, ".factor", "1 to 10"),
    ({"factor": "nan"}, ".factor", "1 to 10"),
    ({"factor": "x"}, ".factor", "number"),
    ({"jitter": 1.5}, ".jitter", "from 0"),
    ({"base": "10s", "cap": "5s"}, ".cap", "shorter"),
    ({"maxAge": "8d"}, ".maxAge", "7 days"),
    ({"retryOn": ["busy", "sometimes"]}, ".retryOn[1]", "not_sent"),
    ({"retryOn": ["200"]}, ".retryOn[0]", "503"),
    ({"retryOn": ["410"]}, ".retryOn[0]", "410"),
    ({"retryOn": "busy"}, ".retryOn", "JSON"),
    ({"retrys": 3}, ".retrys", "delays, max"),
]


@pytest.mark.parametrize(("retry", "field", "words"), REFUSED, ids=[f"{r}" for r, _, _ in REFUSED])
async def test_what_is_wrong_is_named_in_both_languages_and_changes_nothing(
    server, retry, field, words
):
    await server.added()
    before = await server.task()
    task = a_cron(policies={"retry": retry})
    english = await server.add(task, replace="true", headers={"Accept-Language": "en"})
    chinese = await server.add(task, replace="true", headers={"Accept-Language": "zh"})
    assert english.doc["success"] is False
    assert f"{AT}{field}:" in english.error and words in english.error
    assert AT + field in chinese.error and chinese.error != english.error
    assert await server.task() == before
