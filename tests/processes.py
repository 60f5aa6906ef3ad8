"""Real processes for tests: a server that can be killed, a way in, and a sink that records what calls it."""

import asyncio
import json
import os
import resource
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import aiohttp
from aiohttp import web

T = TypeVar("T")
S = TypeVar("S", bound="Sink")
ROOT = Path(__file__).parent.parent
FINAL = ("succeeded", "failed", "skipped", "cancelled")
HANG_S = 30  # nothing here takes that long unless it hangs


def now() -> datetime:
    return datetime.now(UTC)


async def until(look: Callable[[], Awaitable[T]]) -> T:
    """Looks again and again until there is something to see; answers it."""
    async with asyncio.timeout(HANG_S):
        while not (seen := await look()):  # noqa: ASYNC110  (other processes set no event)
            await asyncio.sleep(0.02)
    return seen


def runs(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def asides(pid: int) -> list[int]:
    """The processes that this one has begun to work aside."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    pids = [child for each in children for child in each.read_text("ascii").split()]
    return [int(child) for child in pids if b"dispatchserver.aside" in _command(child)]


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:  # it has just ended
        return b""


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


@dataclass(frozen=True)
class Process:
    """A running `python -m dispatchserver …`, or another module; what it says on standard error goes to a file."""

    child: asyncio.subprocess.Process
    folder: Path

    @classmethod
    async def start(
        cls, folder: Path, *arguments: str, module: str = "dispatchserver", **environment: str
    ) -> "Process":
        """Starts it in a folder of its own, away from the settings of whoever runs the tests."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("DISPATCH_")}
        with (folder / "stderr").open("ab") as said:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                *arguments,
                cwd=folder,
                env={**kept, "PYTHONPATH": str(ROOT), "DISPATCH_LANG": "en", **environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=said,
            )
        return cls(child, folder)

    async def line(self) -> str:
        """The next line of standard output; empty at its end."""
        assert self.child.stdout is not None
        async with asyncio.timeout(HANG_S):
            return (await self.child.stdout.readline()).decode()

    async def ended(self) -> int:
        """The exit code."""
        async with asyncio.timeout(HANG_S):
            await self.child.communicate()
        assert self.child.returncode is not None
        return self.child.returncode

    async def kill(self) -> int:
        """SIGKILL, whatever it is doing."""
        self.child.kill()
        return await self.ended()

    async def stop(self) -> int:
        """SIGTERM, and all that comes of it."""
        self.child.terminate()
        return await self.ended()

    def said(self) -> str:
        """Everything on standard error, also of the processes before it in this folder."""
        return (self.folder / "stderr").read_text("utf-8")

    async def tells(self, text: str) -> bool:
        """Whether that is among it by now."""
        return text in self.said()


@asynccontextmanager
async def process(
    folder: Path, *arguments: str, module: str = "dispatchserver", **environment: str
) -> AsyncIterator[Process]:
    """A process that does not outlive the block."""
    running = await Process.start(folder, *arguments, module=module, **environment)
    try:
        yield running
    finally:
        if running.child.returncode is None:
            await running.kill()


def serve(*flags: str) -> tuple[str, ...]:
    """The arguments of a server on a free port, with the database in its folder."""
    return "serve", "--port", "0", "--database-url", "sqlite:///dispatch.db", *flags


class Api:
    """The public doors of one server."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def do(self, call: str, **form: str) -> dict[str, Any]:
        """One call of the `.do` dialect, as a form."""
        async with self.session.post(f"/dispatchserver/{call}.do", data=form) as reply:
            return await reply.json()

    async def add(self, task: dict[str, Any], recall: dict[str, Any]) -> dict[str, Any]:
        return await self.do(
            "add", recallConfig=json.dumps(recall), taskConfig=json.dumps(task), replace="false"
        )

    async def get(self, path: str, **query: Any) -> Any:
        async with self.session.get(f"/api/v1{path}", params=query) as reply:
            return await reply.json()

    async def put(self, path: str, document: Mapping[str, Any]) -> Any:
        async with self.session.put(f"/api/v1{path}", json=document) as reply:
            reply.raise_for_status()
            return await reply.json()

    async def all(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        items: list[dict[str, Any]] = []
        page = await self.get(path, limit=500, **query)
        while True:
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            page = await self.get(path, limit=500, cursor=page["next_cursor"], **query)

    async def fires(self, name: str, *states: str, count: int = 1) -> list[dict[str, Any]]:
        """Waits until at least `count` fires of a task are in one of the states; answers them."""

        async def look() -> list[dict[str, Any]]:
            fires = await self.all("/fires", name=name)
            found = [fire for fire in fires if fire["state"] in states]
            return found if len(found) >= count else []

        return await until(look)

    async def ended(self, fire_id: str) -> dict[str, Any]:
        """Waits until a fire is in a final state; answers its history."""

        async def look() -> dict[str, Any]:
            fire = await self.get(f"/fires/{fire_id}")
            return fire if fire["state"] in FINAL else {}

        return await until(look)

    async def settled(self) -> None:
        """Waits until no fire is on its way."""

        async def look() -> bool:
            # Pending twice: a running one may turn to it between the questions.
            states = ("pending", "running", "pending")
            pages = [await self.get("/fires", state=state, limit=1) for state in states]
            return not any(page["items"] for page in pages)

        await until(look)


@dataclass(frozen=True)
class Server:
    """A ready server."""

    process: Process
    url: str
    api: Api


@asynccontextmanager
async def server(
    folder: Path, *flags: str, module: str = "dispatchserver", **environment: str
) -> AsyncIterator[Server]:
    """A ready server on the folder's database."""
    async with process(folder, *serve(*flags), module=module, **environment) as running:
        url = (await running.line()).strip().rpartition(" ")[2]
        assert url.startswith("http://"), running.said()
        async with aiohttp.ClientSession(url) as session:
            yield Server(running, url, Api(session))


@dataclass(frozen=True)
class Arrival:
    """One callback as the sink saw it."""

    at: datetime
    fire: str
    attempt: int
    due: datetime
    name: str
    headers: dict[str, str]
    body: Any


@dataclass
class Sink:
    """Takes callbacks on a port of its own and answers success, `hold` seconds later; `/hang` never answers."""

    hold: float = 0
    arrivals: list[Arrival] = field(default_factory=list)
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        at, headers = now(), request.headers
        arrival = Arrival(
            at=at,
            fire=headers["X-Dispatch-Fire-Id"],
            attempt=int(headers["X-Dispatch-Attempt"]),
            due=datetime.fromisoformat(headers["X-Dispatch-Scheduled-Time"]),
            name=unquote(headers["X-Dispatch-Name"]),
            headers=dict(headers),
            body=await request.json(),
        )
        self.arrivals.append(arrival)
        await asyncio.sleep(HANG_S * 2 if request.path == "/hang" else self.hold)
        return web.json_response({"success": "true", "resultValue": "taken"})

    def of(self, name: str) -> list[Arrival]:
        return [arrival for arrival in self.arrivals if arrival.name == name]

    async def received(self, name: str, count: int = 1) -> list[Arrival]:
        """Waits for that many callbacks of a task."""

        async def look() -> list[Arrival]:
            return self.of(name) if len(self.of(name)) >= count else []

        return await until(look)


@asynccontextmanager
async def sink(hold: float = 0) -> AsyncIterator[Sink]:
    """A sink that listens while the block runs."""
    async with listening(Sink(hold)) as recording:
        yield recording


@asynccontextmanager
async def listening(recording: S) -> AsyncIterator[S]:
    """This sink, while the block runs."""
    app = web.Application()
    app.router.add_post("/{path:.*}", recording.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    recording.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield recording
    finally:
        await runner.cleanup()


@contextmanager
def many_files(most: int = 8_192) -> Iterator[None]:
    """Lets this process hold one end of very many connections."""
    before = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def nth_loopback(n: int) -> str:
    """One of many addresses of this machine, each a destination of its own."""
    return f"127.{1 + n // 62_500}.{n // 250 % 250}.{1 + n % 250}"


def http(url: str, data: Any = None) -> dict[str, Any]:
    """A recallConfig."""
    return {"recallType": "HTTP", "option": {"url": url}, "data": data}


def one_shot(name: str, in_s: float = 0.0, **more: Any) -> dict[str, Any]:
    """A taskConfig that fires once, that many seconds from now."""
    start = ms(now()) + int(in_s * 1000)
    return {
        "triggerType": "SimpleTrigger",
        "groupCode": "tests",
        "jobCode": name,
        "startDate": start,
        "timeConfig": None,
        **more,
    }


def each_second(name: str, times: int | None = None) -> dict[str, Any]:
    """A taskConfig that fires every second from now on, so many times or for ever."""
    rule = {"interval": 1, "intervalType": "SECOND", "isForever": times is None}
    return {**one_shot(name), "timeConfig": rule | ({"repeatCount": times} if times else {})}
