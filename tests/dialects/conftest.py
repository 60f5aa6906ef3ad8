"""A real server in this process, and ways to talk to it: a client, and bare bytes on a socket."""

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from dispatchserver.app import Server, running
from dispatchserver.settings import Settings
from dispatchserver.stores import sqlite
from dispatchserver.upkeep import accounts_of
from tests.dialects.building import a_form, a_key


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict
    body: bytes

    @property
    def doc(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.doc["error"]

    @property
    def detail(self):
        return self.doc["detail"]


@dataclass(frozen=True)
class Talk:
    """Talks to one running server."""

    server: Server
    settings: Settings
    session: aiohttp.ClientSession

    @property
    def port(self):
        return URL(self.server.url).port

    async def ask(self, method, path, data=None, headers=None):
        url = URL(f"http://127.0.0.1:{self.port}{path}", encoded=True)
        async with self.session.request(method, url, data=data, headers=headers) as reply:
            return Reply(reply.status, reply.headers, await reply.read())

    async def post(self, call, data=None, headers=None):
        return await self.ask("POST", f"/dispatchserver/{call}", data, headers)

    async def get(self, path, headers=None):
        return await self.ask("GET", f"/api/v1{path}", headers=headers)

    async def add(self, task=None, recall=None, headers=None, **fields):
        return await self.post("add.do", a_form(task, recall, **fields), headers)

    async def added(self, task=None, recall=None, **fields):
        """The reply to an add that must succeed."""
        reply = await self.add(task, recall, **fields)
        assert reply.doc["success"] is True, reply.error
        return reply.doc

    async def task(self, name="task", group="group"):
        """The task as REST shows it; None when there is none."""
        reply = await self.get(f"/tasks/{quote(group, safe='')}/{quote(name, safe='')}")
        return reply.doc if reply.status == 200 else None

    async def fires(self, **wanted):
        query = "&".join(f"{key}={quote(value)}" for key, value in wanted.items())
        return (await self.get(f"/fires?{query}")).doc["items"]

    async def triggered(self, **key):
        return (await self.post("trigger.do", a_key(**key))).doc["tasklogid"]

    async def raw(self, data):
        """What the server answers to these bytes, up to the end of the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            await writer.drain()
            head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        finally:
            writer.close()
            await writer.wait_closed()
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        return Reply(int(first.split()[1]), headers, body)

    async def raw_post(self, path, body, content_type=None, *, chunked=False):
        """POSTs these very bytes."""
        lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Connection: close"]
        lines += [f"Content-Type: {content_type}"] if content_type else []
        lines += ["Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"]
        sent = _chunks(body) if chunked else body
        return await self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + sent)


def _chunks(body):
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.fixture(autouse=True, scope="module")
def _without_waiting_for_the_disk():
    """The doors are the same on a database that does not wait for the disk, and the tests much faster."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sqlite.PRAGMAS, "synchronous", "0")
        yield


@pytest.fixture
async def start(tmp_path):
    """Starts a server with these settings and the tokens given, and answers how to talk to it."""
    async with AsyncExitStack() as stack:

        async def begin(*tokens, **changed):
            values = {"port": 0, "timezone": "Asia/Shanghai", "drain_timeout": 0}
            values["database_url"] = f"sqlite:///{tmp_path}/dispatch.db"
            settings = Settings.model_validate(values | changed)
            for token in tokens:
                async with accounts_of(settings) as accounts:
                    await accounts.add_token(token)
            server = await stack.enter_async_context(running(settings))
            session = await stack.enter_async_context(aiohttp.ClientSession())
            return Talk(server, settings, session)

        yield begin


@pytest.fixture
async def server(start):
    return await start()


@pytest.fixture
async def task_server(server):
    """A server with one task, group/task."""
    await server.added()
    return server
