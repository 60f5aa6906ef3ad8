"""What the tests of reading and of limits share."""

import asyncio
import http.client
import threading

import pytest
from yarl import URL

from dispatchserver.app import running
from dispatchserver.settings import Settings
from tests.dialects.conftest import Reply


class Posting:
    """Talks to a server in another thread, for tests that are no coroutines."""

    def __init__(self, url):
        self._address = URL(url).host, URL(url).port

    def __call__(self, call, body, headers):
        return self._ask("POST", f"/{call}", body, headers)

    def get(self, path):
        return self._ask("GET", path, None, {})

    def _ask(self, method, path, body, headers):
        connection = http.client.HTTPConnection(*self._address)
        try:
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            return Reply(reply.status, dict(reply.headers), reply.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def post(tmp_path_factory):
    database = f"sqlite:///{tmp_path_factory.mktemp('post')}/dispatch.db"
    urls, stopped = [], asyncio.Event()
    ready, loop = threading.Event(), asyncio.new_event_loop()

    async def serve():
        async with running(Settings(port=0, database_url=database, drain_timeout=0)) as server:
            urls.append(server.url)
            ready.set()
            await stopped.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    ready.wait()
    yield Posting(urls[0])
    loop.call_soon_threadsafe(stopped.set)
    thread.join()
    loop.close()
