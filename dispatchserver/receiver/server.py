"""The built-in receiver, for trying things out: it takes callbacks over HTTP and socket, and shows what came."""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import unquote

import aiohttp
from aiohttp import web

from dispatchserver.domain import jsontext
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.moments import iso
from dispatchserver.domain.recall import RecallKind
from dispatchserver.ports import Clock
from dispatchserver.receiver.looking import look_at

CALLS_KEPT = 200
LINE_LIMIT = 1024 * 1024
IDLE_S = 60
LONGEST_WAIT_S = 120.0
REPORT_URL = "http://127.0.0.1:8080/taskcallback/updateTaskLog"
GUIDE = """\
dispatchserver: the built-in receiver 内置接收端

POST /ok                 success 成功
POST /fail               success:false 失败 (?status=500: with this HTTP status 以此状态码应答)
POST /slow?seconds=3     success, after a while 过一会儿才成功 (0-120)
POST /async?after=2      accepted, reported later 先受理，稍后回报结果 (&success=false: reports a failure 回报失败)
POST /flaky              503 every other time 每隔一次失败 (?fails=2: the first 2 attempts of a fire 每次触发的前 2 次尝试失败)
GET  /calls              the last 200 calls as JSON 最近 200 次调用
SOCKET                   one line of JSON in, one line out 一行 JSON 进，一行 JSON 出
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One callback as it came; what it did not say, or what was not looked at, is None."""

    kind: RecallKind
    path: str
    group: str | None
    name: str | None
    fire_id: str | None
    attempt: int | None
    data: JsonValue
    at: datetime
    signature: str | None = None


class Receiver:
    """Answers every callback as its path says, by the reply contract, and remembers the last 200."""

    def __init__(
        self,
        *,
        clock: Clock,
        on_call: Callable[[Call], None] | None = None,
        report_url: str = REPORT_URL,
        secrets: Sequence[str] = (),
    ) -> None:
        self._clock = clock
        self._on_call = on_call
        self._report_url = report_url
        self._secrets = secrets
        self._calls: deque[Call] = deque(maxlen=CALLS_KEPT)
        self._flaky_fails = False

    def app(self) -> web.Application:
        """The HTTP side."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/", self._guide),
                web.get("/calls", self._list),
                web.post("/ok", self._ok),
                web.post("/fail", self._fail),
                web.post("/slow", self._slow),
                web.post("/async", self._accept),
                web.post("/flaky", self._flaky),
            ]
        )
        return app

    async def on_socket(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The socket side: one line in, one line out."""
        try:
            async with asyncio.timeout(IDLE_S):
                line = await reader.readline()
                writer.write(jsontext.dumps(self._answer_line(line)).encode() + b"\n")
                await writer.drain()
                writer.write_eof()
                await reader.read(1)  # the caller's end: closing before it could cost it the reply
        except (OSError, ValueError):
            log.info("socket call broke off")
        finally:
            writer.transport.abort()

    def _answer_line(self, line: bytes) -> dict[str, str]:
        try:
            body = _read_object(line)
        except Invalid:
            return _no("not a line of JSON")
        self._note(self._call(RecallKind.SOCKET, "", body, {}))
        return _yes("socket")

    async def _guide(self, _: web.Request) -> web.Response:
        return web.Response(text=GUIDE)

    async def _list(self, _: web.Request) -> web.Response:
        rows = [{**asdict(call), "at": iso(call.at)} for call in reversed(self._calls)]
        return web.json_response({"calls": rows}, dumps=jsontext.dumps)

    async def _ok(self, request: web.Request) -> web.Response:
        await self._take(request)
        return _json(_yes("ok"))

    async def _fail(self, request: web.Request) -> web.Response:
        status = int(_number(request, "status", 200, 200, 599))
        await self._take(request)
        return _json(_no("told to fail"), status)

    async def _slow(self, request: web.Request) -> web.Response:
        seconds = _number(request, "seconds", 3, 0, LONGEST_WAIT_S)
        await self._take(request)
        await self._wait(seconds)
        return _json(_yes(f"after {seconds:g} s"))

    async def _accept(self, request: web.Request) -> web.Response:
        """Answers at once and reports within the same handler, so that the server owns the waiting."""
        seconds = _number(request, "after", 2, 0, LONGEST_WAIT_S)
        success = "false" if request.query.get("success") == "false" else "true"
        call = await self._take(request)
        reply = _json({**_yes("accepted"), "asynchronized": "true"})
        reply.force_close()  # or the caller's next request on this connection would wait as well
        await reply.prepare(request)
        await reply.write_eof()
        await self._wait(seconds)
        await self._report(call, success)
        return reply

    async def _flaky(self, request: web.Request) -> web.Response:
        fails = _number(request, "fails", -1, -1, 1000)
        call = await self._take(request)
        if fails < 0:
            self._flaky_fails = failing = not self._flaky_fails
        else:
            failing = self._attempt(call) <= fails
        return _json(_no("flaky"), 503) if failing else _json(_yes("flaky"))

    def _attempt(self, call: Call) -> int:
        """The attempt's number as its header says, else how often this fire has called."""
        return call.attempt or sum(call.fire_id == other.fire_id for other in self._calls)

    async def _wait(self, seconds: float) -> None:
        await self._clock.sleep_until(self._clock.now() + timedelta(seconds=seconds))

    async def _report(self, call: Call, success: str) -> None:
        report = {"id": call.fire_id, "success": success, "resultValue": "reported 已回报"}
        limit = aiohttp.ClientTimeout(total=10)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.post(self._report_url, json=report) as reply,
            ):
                log.info("reported", extra={"fire": call.fire_id, "status": reply.status})
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("report failed", extra={"fire": call.fire_id, "why": str(error)})

    async def _take(self, request: web.Request) -> Call:
        try:
            body = _read_object(await request.read())
        except Invalid as error:
            text = jsontext.dumps(_no("the body is no JSON object"))
            raise web.HTTPBadRequest(text=text, content_type="application/json") from error
        said = {key.lower(): unquote(value) for key, value in request.headers.items()}
        call = self._call(RecallKind.HTTP, request.path, body, said)
        call = replace(call, signature=self._check(request, await request.read(), call.at))
        self._note(call)
        return call

    def _check(self, request: web.Request, body: bytes, at: datetime) -> str | None:
        """What is to be said of the signature; nothing where no key is known."""
        return look_at(self._secrets, request.headers, body, at) if self._secrets else None

    def _call(
        self, kind: RecallKind, path: str, body: dict[str, JsonValue], said: dict[str, str]
    ) -> Call:
        fire_id = said.get("x-dispatch-fire-id") or body.get("tasklogid")
        attempt = said.get("x-dispatch-attempt", "")
        data = body.get("data", {key: body[key] for key in body if key != "tasklogid"})
        return Call(
            kind=kind,
            path=path,
            group=said.get("x-dispatch-group"),
            name=said.get("x-dispatch-name"),
            fire_id=fire_id if isinstance(fire_id, str) else None,
            attempt=int(attempt) if attempt.isdecimal() and len(attempt) < 10 else None,
            data=data,
            at=self._clock.now(),
        )

    def _note(self, call: Call) -> None:
        self._calls.append(call)
        if self._on_call is not None:
            self._on_call(call)


def make_app(
    on_call: Callable[[Call], None] | None, *, clock: Clock, report_url: str = REPORT_URL
) -> web.Application:
    """The receiver's HTTP side alone; `on_call` hears of every call."""
    return Receiver(clock=clock, on_call=on_call, report_url=report_url).app()


class Serving:
    """A receiver that listens, on the ports it really got; closing it leaves no connection behind."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._runner = web.AppRunner(receiver.app(), access_log=None, shutdown_timeout=0.5)
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.http_port = 0
        self.socket_port = 0

    async def listen(self, host: str, http_port: int, socket_port: int) -> None:
        """Starts both sides; raises OSError when a port is taken."""
        self._server = await asyncio.start_server(
            self._on_connect, host, socket_port, limit=LINE_LIMIT
        )
        self.socket_port = self._server.sockets[0].getsockname()[1]
        await self._runner.setup()
        await web.TCPSite(self._runner, host, http_port).start()
        self.http_port = self._runner.addresses[0][1]

    async def _on_connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await self._receiver.on_socket(reader, writer)
        finally:
            self._open.discard(writer)

    async def close(self) -> None:
        """Stops listening and drops what is still open."""
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await self._runner.cleanup()


async def serve(host: str, http_port: int, socket_port: int, receiver: Receiver) -> Serving:
    """Starts both sides of a receiver; port 0 takes any free one. Raises OSError when a port is taken."""
    serving = Serving(receiver)
    try:
        await serving.listen(host, http_port, socket_port)
    except OSError:
        await serving.close()
        raise
    return serving


def _number(request: web.Request, key: str, default: float, low: float, high: float) -> float:
    """A number from the query, brought into its range; answers 400 to what is none."""
    try:
        value = float(request.query.get(key, default))
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise web.HTTPBadRequest(text=f"{key}: a number from {low:g} to {high:g} 应为数字")
    return min(max(value, low), high)


def _read_object(body: bytes) -> dict[str, JsonValue]:
    value = jsontext.loads(body.decode("utf-8", "replace"))
    if not isinstance(value, dict):
        raise Invalid("json.syntax", position=1)
    return value


def _json(reply: dict[str, str], status: int = 200) -> web.Response:
    return web.json_response(reply, status=status, dumps=jsontext.dumps)


def _yes(result: str) -> dict[str, str]:
    return {"success": "true", "resultValue": result}


def _no(result: str) -> dict[str, str]:
    return {"success": "false", "resultValue": result}
