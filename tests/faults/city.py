"""A real server with its applications and receivers, where something goes wrong on purpose."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.faults.checker import OPEN, History, Limits, Span, violations
from tests.faults.receiver import HOLD_S, Receiver, clock, receiving
from tests.faults.writers import USUAL, Door, Editor, Keeper, Pace, Writer
from tests.processes import HANG_S, Api, Process, serve

SLOTS = 16
WRITERS = 4
ASKED_A_SECOND = 60
STALL_MS = 30.0
SETTLED_WITHIN_S = 10
FREEZE_S = {"freeze": (0.1, 1.5), "freeze_long": (1.2, 2.5)}  # an attempt may take 1 s

PLACES: dict[str, dict[str, Any]] = {
    "free": {},
    "narrow": {"slots": 4},
    "paced": {"rate": "80/s", "burst": 8},
}
LIMITS = {"narrow": Limits(slots=4), "paced": Limits(a_second=80, burst=8)}

NOTHING = History((), (), (), ())


@dataclass
class City:
    """The server, by whatever module it is started, and all that happens to it."""

    folder: Path
    chance: random.Random
    receiver: Receiver
    module: str = "dispatchserver"
    flags: Sequence[str] = ()
    slots: int = SLOTS
    pace: Pace = USUAL
    door: Door = field(default_factory=Door)
    spans: list[Span] = field(default_factory=list)
    writers: list[Writer] = field(default_factory=list)
    keepers: list[Keeper] = field(default_factory=list)
    editor: Editor = field(init=False)
    recovered_s: dict[str, float] = field(default_factory=dict)
    seen: History = NOTHING
    _process: Process | None = None
    _session: aiohttp.ClientSession | None = None

    @property
    def process(self) -> Process:
        assert self._process is not None, "it is up"
        return self._process

    async def boot(self) -> None:
        """Starts the server and opens its door."""
        await self._start()
        url = (await self.process.line()).strip().rpartition(" ")[2]
        assert url.startswith("http://"), self.process.said()
        self._session = aiohttp.ClientSession(url)
        self.door.open(Api(self._session))

    async def furnish(self) -> None:
        """Gives each place its limits, and a keeper; and tasks their calendar."""
        self.editor = Editor(self.door, random.Random(self.chance.random()))
        await self.editor.edit()
        for place, settings in PLACES.items():
            chance = random.Random(self.chance.random())
            host = self.receiver.hosts[place]
            keeper = Keeper(self.door, place, host, settings, chance)
            await keeper.set()
            self.keepers.append(keeper)

    async def _start(self) -> None:
        flags = serve("--slots", str(self.slots), "--drain-timeout", "3")
        self._process = await Process.start(self.folder, *self.flags, *flags, module=self.module)

    async def down(self, kind: str) -> None:
        """Ends the server, by SIGKILL or SIGTERM, and shuts its door."""
        began = clock()
        end = self.process.kill if kind == "kill" else self.process.stop
        code = await end()
        assert kind == "kill" or code == 0, f"exit {code}: {self.process.said()}"
        self.door.shut()
        self.spans.append(Span(kind, began, clock()))
        if self._session is not None:
            await self._session.close()

    async def strike(self, kind: str) -> None:
        """One fault, and its end."""
        if kind in FREEZE_S:
            await self._freeze(FREEZE_S[kind])
            return
        began, struck = clock(), kind
        await self.down(kind.partition("_")[0])
        while kind == "kill_at_once":
            # again while it recovers: by its age, since it says nothing before it is ready
            await self._start()
            await asyncio.sleep(self.chance.uniform(0.2, 0.9))
            await self.down("kill")
            kind = "kill"
        await self.boot()
        took = (clock() - began) / 1000
        self.recovered_s[struck] = max(took, self.recovered_s.get(struck, 0))

    async def _freeze(self, between: tuple[float, float]) -> None:
        began = clock()
        self.process.child.send_signal(signal.SIGSTOP)
        await asyncio.sleep(self.chance.uniform(*between))
        self.process.child.send_signal(signal.SIGCONT)
        self.spans.append(Span("freeze", began, clock()))

    async def watch(self) -> None:
        """Writes down when this very process stood still: then its receivers did, too."""
        before = clock()
        while True:
            await asyncio.sleep(STALL_MS / 3000)
            if clock() - before > STALL_MS:
                self.spans.append(Span("stall", before, clock()))
            before = clock()

    async def live(self, faults: Sequence[str], quiet_s: tuple[float, float]) -> None:
        """Lets the writers work, and strikes in between; ends with a healed server."""
        self.writers = [
            Writer(
                f"w{n}",
                self.door,
                self.receiver.hosts,
                random.Random(self.chance.random()),
                self.pace,
            )
            for n in range(WRITERS)
        ]
        workers: list[Writer | Keeper | Editor] = [*self.writers, *self.keepers, self.editor]
        working = [asyncio.create_task(worker.work()) for worker in workers]
        for fault in faults:
            await self._work(self.chance.uniform(*quiet_s), quiet_s[0])
            await self.strike(fault)
        await self._work(quiet_s[1], quiet_s[1])
        for worker in workers:
            worker.done = True
        await asyncio.gather(*working)

    async def _work(self, seconds: float, least_s: float) -> None:
        """So long, and on a slow machine longer: until as much was asked as usually is in the second time."""
        before = sum(len(writer.operations) for writer in self.writers)
        await asyncio.sleep(seconds)
        wanted = before + least_s * ASKED_A_SECOND
        async with asyncio.timeout(HANG_S):
            while sum(len(writer.operations) for writer in self.writers) < wanted:  # noqa: ASYNC110  (writers set no event)
                await asyncio.sleep(0.02)

    def _last_due(self) -> float:
        """The last occasion of all; a version that begins in the past does so when the server reads it."""
        begun = [each for writer in self.writers for each in writer.operations if each.begins]
        return max(
            (max(each.start, each.answered) + each.every * each.times for each in begun), default=0
        )

    async def history(self) -> History:
        """Lets go on what is paused, waits until all is quiet, and reads the log.

        What a pause holds back is accounted for when it ends.
        """
        self.receiver.moods, self.receiver.hold_s = {"ok": 1}, HOLD_S
        for writer in self.writers:
            await writer.resume_all()
        await asyncio.sleep(max(0.0, self._last_due() - clock()) / 1000)
        api = self.door.api
        assert api is not None, "it is up"
        await self._settled(api)  # I13 tells what is still open
        await asyncio.sleep(
            0.2
        )  # what was sent lies with the receiver, perhaps not yet with its record
        return History(
            operations=[operation for writer in self.writers for operation in writer.operations],
            callbacks=list(self.receiver.callbacks),
            tasks=await api.all("/tasks"),
            fires=await api.all("/fires"),
            spans=list(self.spans),
            slots=self.slots,
            limits=LIMITS,
            closures=[closure for keeper in self.keepers for closure in keeper.closures],
        )

    async def _settled(self, api: Api) -> None:
        """Waits until nothing is on its way, for as long as callbacks still come."""
        calls = self.receiver.callbacks
        seen, since = len(calls), clock()
        while clock() - since < SETTLED_WITHIN_S * 1000 and [
            fire for state in OPEN for fire in await api.all("/fires", state=state)
        ]:
            await asyncio.sleep(0.1)
            if len(calls) > seen:
                seen, since = len(calls), clock()


@asynccontextmanager
async def city(
    folder: Path,
    seed: int,
    module: str = "dispatchserver",
    *flags: str,
    slots: int = SLOTS,
    pace: Pace = USUAL,
) -> AsyncIterator[City]:
    """A server that is up; nothing of it outlives the block."""
    chance = random.Random(seed)
    async with receiving(random.Random(chance.random()), [*PLACES]) as receiver:
        here = City(folder, chance, receiver, module, flags, slots, pace)
        watching = asyncio.create_task(here.watch())
        await here.boot()
        await here.furnish()
        try:
            yield here
        finally:
            watching.cancel()
            if here.process.child.returncode is None:
                await here.down("kill")


async def ordeal(
    here: City, faults: Sequence[str], quiet_s: tuple[float, float] = (0.3, 1.0)
) -> list[str]:
    """What a server broke of its promises under these faults."""
    await here.live(faults, quiet_s)
    here.seen = await here.history()
    return violations(here.seen)
