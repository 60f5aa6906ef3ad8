"""`recallConfig.auth` and `headers` of add.do: refused where they cannot be, kept to the letter otherwise."""

import pytest

from tests.dialects.building import a_recall, a_socket

AT = "recallConfig"
SECRET = {"secret": "shop-api"}
REFUSED = [
    ({"auth": {"bearer": {"secret": "shop-ap"}}}, ".auth.bearer.secret", "shop-api"),
    ({"auth": {"bearer": {}}}, ".auth.bearer.secret", "required"),
    ({"auth": {"bearer": SECRET, "basic": SECRET}}, ".auth", "bearer, basic, header, mtls"),
    ({"auth": {"mtls": SECRET}}, ".auth", "https://"),
    ({"auth": {"header": SECRET | {"name": "Host"}}}, ".auth.header.name", "Host"),
    ({"headers": {"X Y": "1"}}, ".headers", "X Y"),
    ({"headers": {"": "1"}}, ".headers", "100"),
    ({"headers": {"Content-Length": "1"}}, ".headers", "Content-Length"),
    ({"headers": {"webhook-id": "1"}}, ".headers", "webhook-id"),
]


@pytest.fixture
async def keeper(server):
    """A server that keeps one secret and one task."""
    await server.ask("PUT", "/api/v1/secrets/shop-api", b'{"value": "canary-4711"}')
    await server.added()
    return server


@pytest.mark.parametrize(("said", "field", "words"), REFUSED, ids=[f"{s}" for s, _, _ in REFUSED])
async def test_what_is_wrong_is_named_in_both_languages_and_changes_nothing(
    keeper, said, field, words
):
    before = await keeper.task()
    recall = a_recall(**said)
    english, chinese = [
        await keeper.add(recall=recall, replace="true", headers={"Accept-Language": lang})
        for lang in ("en", "zh")
    ]
    assert english.doc["success"] is False
    assert f"{AT}{field}:" in english.error and words in english.error
    assert AT + field in chinese.error and chinese.error != english.error
    assert await keeper.task() == before


async def test_a_socket_has_no_headers_to_authenticate_with(keeper):
    recall = a_socket({"host": "127.0.0.1", "port": 9100}) | {"auth": {"bearer": SECRET}}
    reply = await keeper.add(recall=recall, replace="true")
    assert "recallConfig.auth" in reply.error


async def test_what_is_said_is_kept_as_rest_shows_it(keeper):
    said = {"auth": {"bearer": SECRET}, "headers": {"X-Tenant": "42"}}
    await keeper.added(recall=a_recall(**said), replace="true")
    recall = (await keeper.task())["recall"]
    assert {name: recall[name] for name in said} == said
