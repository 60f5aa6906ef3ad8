"""An address that will certainly be forbidden is refused when a task is added: at its field, with what would allow it."""

import json

import pytest

from dispatchserver.messages import LANGUAGES
from tests.dialects.building import a_recall, a_socket
from tests.dialects.iuap.test_save import a_save, save
from tests.dialects.rest.putting import a_put, faults, path, put

EN = {"Accept-Language": "en"}


async def by_do(server, recall):
    return (await server.add(recall=recall, headers=EN)).error


HOSTILE = [
    ("http://169.254.169.254/", "cloud metadata service"),
    ("http://[::ffff:169.254.169.254]/", "cloud metadata service"),
    ("http://[64:ff9b::a9fe:a9fe]/", "cloud metadata service"),
    ("http://metadata.google.internal/", "cloud metadata service"),
    ("http://169.254.7.7/", "link-local"),
    ("http://0x7f000001/", "write 127.0.0.1"),
    ("http://2130706433/", "write 127.0.0.1"),
    ("http://0177.0.0.1/", "write 127.0.0.1"),
    ("http://224.0.0.1/", "multicast"),
]


@pytest.mark.parametrize(("url", "words"), HOSTILE)
async def test_a_forbidden_url_is_refused_at_its_field_and_adds_nothing(server, url, words):
    error = await by_do(server, a_recall(url))
    assert error.startswith("recallConfig.option.url: ") and words in error
    assert f"(sent: {url})" in error
    assert await server.task() is None


async def test_the_server_itself_is_refused_by_address_and_by_name(server):
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
        error = await by_do(server, a_recall(f"http://{host}:{server.port}/add.do"))
        assert f"{host}:{server.port} is this server itself" in error
        assert "--egress-allow" in error
    assert (await server.add(recall=a_recall(f"http://127.0.0.1:{server.port - 1}/"))).doc[
        "success"
    ]


async def test_a_port_of_a_known_service_is_refused_to_a_socket_recall(server):
    error = await by_do(server, a_socket({"host": "cache.test", "port": 6379}))
    assert error.startswith("recallConfig.option.port: cache.test:6379: ")
    assert "--egress-allow" in error
    assert (await server.add(recall=a_socket("cache.test:9000"))).doc["success"] is True


async def test_what_the_admin_allows_can_be_added(start):
    server = await start(egress_allow=["169.254.169.254:80", "cache.test:6379"])
    assert (await server.add(recall=a_recall("http://169.254.169.254/"))).doc["success"] is True
    recall = a_socket({"host": "cache.test", "port": 6379})
    assert (await server.add(recall=recall, replace="true")).doc["success"] is True
    assert "metadata" in await by_do(server, a_recall("https://169.254.169.254/"))


async def test_under_an_allowlist_a_name_must_be_on_it(start):
    server = await start(egress="allowlist", egress_allow=["*.good.test"])
    error = await by_do(server, a_recall("http://evil.test/"))
    assert "recallConfig.option.url: evil.test is not among what" in error
    assert "--egress-allow" in error
    assert (await server.add(recall=a_recall("http://a.good.test/"))).doc["success"] is True


async def test_a_public_server_refuses_a_private_address_but_looks_no_name_up(start):
    server = await start(egress="public")
    assert "profile is public" in await by_do(server, a_recall("http://10.0.0.7/"))
    recall = a_recall("http://leads-anywhere.invalid/")
    assert (await server.add(recall=recall)).doc["success"] is True


async def test_save_task_tells_it_at_its_own_field(server):
    way = {"id": "r1", "url": "http://169.254.169.254/", "taskParams": []}
    reply = await save(server, a_save(taskway=way))
    assert reply.error.startswith("task.taskway.url") and "169.254.169.254" in reply.error
    assert await server.task() is None


@pytest.mark.parametrize(
    ("recall", "field", "code"),
    [
        ({"kind": "HTTP", "url": "http://169.254.169.254/"}, "recall.url", "egress.metadata"),
        ({"kind": "SOCKET", "host": "fe80::1", "port": 9000}, "recall.host", "egress.link_local"),
        ({"kind": "SOCKET", "host": "10.0.0.7", "port": 22}, "recall.port", "egress.port"),
    ],
)
async def test_rest_tells_it_at_the_field_of_its_document(server, recall, field, code):
    assert faults(await put(server, a_put(recall=recall))) == {field: code}
    assert await server.task() is None


async def test_a_task_that_stands_keeps_what_it_was(server):
    await put(server, a_put())
    before = (await server.task())["recall"]
    await put(server, a_put(recall={"kind": "HTTP", "url": "http://169.254.169.254/"}))
    assert (await server.task())["recall"] == before


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_it_is_told_in_the_language_of_the_caller(server, lang):
    doc = a_put(recall={"kind": "HTTP", "url": f"http://127.0.0.1:{server.port}/"})
    body = json.dumps(doc).encode()
    reply = await server.ask("PUT", path(), body, {"Accept-Language": lang})
    words = {"zh": "就是本服务器自己", "en": "is this server itself"}[lang]
    assert words in reply.detail and "--egress-allow" in reply.detail
