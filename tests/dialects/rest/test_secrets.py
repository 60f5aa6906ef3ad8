"""/api/v1/secrets: set, listed without a value, deleted when no task uses them; and tasks that name one."""

import json

import pytest

CANARY = "canary-4711"
PATH = "/api/v1/secrets/shop-api"
TASK = {
    "trigger": {"kind": "cron", "expression": "0 0 12 * * ?", "zone": "UTC"},
    "recall": {"kind": "HTTP", "url": "https://127.0.0.1:9/x"},
}
SECRET = {"secret": "shop-api"}


async def put(server, path=PATH, lang="en", **asked):
    return await server.ask("PUT", path, json.dumps(asked).encode(), {"Accept-Language": lang})


async def put_task(server, lang="en", name="t", **recall):
    doc = json.dumps(TASK | {"recall": TASK["recall"] | recall}).encode()
    return await server.ask("PUT", f"/api/v1/tasks/g/{name}", doc, {"Accept-Language": lang})


async def test_a_secret_is_set_and_shown_without_its_value(server):
    made = await put(server, value=CANARY)
    assert (made.status, made.doc["version"], made.doc["tasks"]) == (201, 1, 0)
    changed = await put(server, value=CANARY + "-2\n")
    assert (changed.status, changed.doc["version"]) == (200, 2)
    shown = await server.get("/secrets/shop-api")
    assert shown.doc == changed.doc
    assert set(shown.doc) == {"name", "version", "updated_at", "updated_by", "tasks"}
    assert (await server.get("/secrets")).doc == {"items": [shown.doc]}
    for reply in (made, changed, shown):
        assert "canary" not in reply.body.decode()


async def test_a_task_is_shown_with_its_secret_s_name_and_can_be_put_back(server):
    await put(server, value=CANARY)
    auth, headers = {"basic": SECRET | {"user": "u"}}, {"X-Tenant": "42"}
    reply = await put_task(server, auth=auth, headers=headers)
    assert (reply.status, reply.doc["recall"]["auth"], reply.doc["recall"]["headers"]) == (
        201,
        auth,
        headers,
    )
    again = await server.ask("PUT", "/api/v1/tasks/g/t", json.dumps(reply.doc).encode())
    assert (again.status, again.doc["version"]) == (200, 1)
    assert (await server.get("/secrets/shop-api")).doc["tasks"] == 1
    listed = (await server.get("/tasks?secret=shop-api")).doc["items"]
    assert [task["name"] for task in listed] == ["t"]
    assert (await server.get("/tasks?secret=other")).doc["items"] == []


@pytest.mark.parametrize(
    ("lang", "words"), [("en", "did you mean shop-api?"), ("zh", "是否想写 shop-api")]
)
async def test_a_task_that_names_an_unknown_secret_is_refused_with_the_nearest(server, lang, words):
    await put(server, value=CANARY)
    reply = await put_task(server, lang, auth={"bearer": {"secret": "shop-ap"}})
    (error,) = reply.doc["errors"]
    assert (reply.status, error["field"]) == (400, "recall.auth.bearer.secret")
    assert "shop-ap" in error["message"] and words in error["message"]
    assert (await server.get("/tasks/g/t")).status == 404


async def test_where_there_is_no_secret_at_all_it_is_said_what_to_do(server):
    reply = await put_task(server, auth={"mtls": SECRET})
    assert "set it first" in reply.detail


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_a_secret_in_use_is_not_deleted_and_one_task_is_named(server, lang):
    await put(server, value=CANARY)
    await put_task(server, auth={"bearer": SECRET})
    reply = await server.ask("DELETE", PATH, headers={"Accept-Language": lang})
    assert (reply.status, reply.doc["code"], "g/t" in reply.detail) == (409, "secret.in_use", True)
    await put_task(server)
    assert (await server.ask("DELETE", PATH)).status == 204
    assert (await server.get("/secrets")).doc == {"items": []}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_unknown_secret_is_not_found_and_the_nearest_are_named(server, method):
    await put(server, value=CANARY)
    reply = await server.ask(method, "/api/v1/secrets/shop", headers={"Accept-Language": "en"})
    assert (reply.status, reply.doc["code"]) == (404, "secret.not_found_nearest")
    assert "did you mean shop-api?" in reply.detail


LOST = "x" * 16_385
REFUSED = [
    ({}, "value", "fault.required"),
    ({"value": ""}, "value", "fault.required"),
    ({"value": None}, "value", "fault.required"),
    ({"value": "\n"}, "value", "secret.value"),
    ({"value": CANARY + LOST}, "value", "secret.value"),
    ({"value": CANARY + "\0"}, "body", "json.text"),
    ({"value": 4711}, "value", "field.text"),
    ({"value": [CANARY]}, "value", "field.text"),
    ({"value": "x", "secret": CANARY}, "secret", "field.unknown"),
]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("asked", "field", "code"), REFUSED, ids=range(len(REFUSED)))
async def test_what_cannot_be_a_value_is_refused_without_repeating_it(
    server, lang, asked, field, code
):
    await put(server, value=CANARY)
    reply = await put(server, lang=lang, **asked)
    told = [(error["field"], error["code"]) for error in reply.doc["errors"]]
    assert (reply.status, told) == (400, [(field, code)])
    assert "canary" not in reply.body.decode()
    assert (await server.get("/secrets/shop-api")).doc["version"] == 1


@pytest.mark.parametrize("name", ["a%20b", "a%2Fb", "%E5%AF%86", "z" * 65])
async def test_what_cannot_be_a_name_is_refused(server, name):
    reply = await put(server, f"/api/v1/secrets/{name}", value=CANARY)
    assert (reply.status, [e["code"] for e in reply.doc["errors"]]) == (400, ["secret.name"])


@pytest.mark.parametrize("body", [b"[]", b"\xff", b"{", b'"canary"'])
async def test_a_body_that_is_no_object_is_refused_without_repeating_it(server, body):
    reply = await server.ask("PUT", PATH, body)
    assert (reply.status, [e["field"] for e in reply.doc["errors"]]) == (400, ["body"])
    assert "canary" not in reply.body.decode()


@pytest.mark.parametrize(
    ("auth", "value", "code"),
    [
        ({"bearer": SECRET}, "two\nlines", "sending.value_line"),
        ({"header": SECRET | {"name": "X-K"}}, "schlüssel", "sending.value_line"),
        ({"basic": SECRET | {"user": "u"}}, "a\tb", "sending.value_password"),
        ({"mtls": SECRET}, "-----BEGIN CERTIFICATE-----", "sending.value_pair"),
    ],
)
async def test_a_value_that_its_tasks_could_not_send_is_refused(server, auth, value, code):
    await put(server, value=CANARY)
    assert (await put_task(server, auth=auth)).status == 201
    reply = await put(server, value=value)
    assert [(e["field"], e["code"]) for e in reply.doc["errors"]] == [("value", code)]
    assert value not in reply.body.decode()
