"""An engine over a real store, a hand-moved clock, and a receiver that answers as it is told."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from dispatchserver.domain.changing import Addition
from dispatchserver.domain.destination import USUAL
from dispatchserver.domain.recall import RecallKind
from dispatchserver.engine.engine import Engine, EngineConfig
from dispatchserver.engine.executor import Limits
from dispatchserver.engine.reports import Reports
from dispatchserver.engine.tasks import Tasks
from tests.builders import ALICE, a_key, a_spec, an_outcome
from tests.clocks import until
from tests.houses import NODE


def headers_of(order):
    """All that an order has its receiver told in headers."""
    return dict(line.split(": ", 1) for line in order.told.splitlines()) | dict(order.headers)


class Receiver:
    """Records every order. Answers what `says` holds, in order, and then always `usually`.

    An answer that is an exception is raised; one that is a future is waited for.
    """

    def __init__(self):
        self.orders = []
        self.says = []
        self.usually = an_outcome(b"ok")

    async def send(self, order):
        self.orders.append(order)
        answer = self.says.pop(0) if self.says else self.usually
        if isinstance(answer, asyncio.Future):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self):
        pass

    def hold(self, count=1):
        """Makes the next sends wait for an answer each; returns where to put the answers."""
        answers = [asyncio.get_running_loop().create_future() for _ in range(count)]
        self.says += answers
        return answers

    @property
    def names(self):
        """The tasks that were called back, in order."""
        return [self.header(n, "X-Dispatch-Name") for n in range(len(self.orders))]

    def header(self, index, name):
        return self.headers(index)[name]

    def headers(self, index=0):
        return headers_of(self.orders[index])


class Works:
    """The engine with its passes taken by hand: `turn` is one of each."""

    def __init__(self, house, clock, slots=4, limits=None, allowance=USUAL):
        self.house, self.store, self.clock = house, house.store, clock
        self.receiver = Receiver()
        self.limits, self.allowance = limits or Limits(), allowance
        house.leaving.append(self.leave)
        self.hire(slots)

    async def leave(self):
        """What stands before its moment is not waited for: the clock moves no more."""
        await self.engine.crew.drain(timedelta(0))

    def hire(self, slots, node=NODE):
        """A new engine on the same store, as after a restart."""
        self.slots = slots
        config = EngineConfig(node=node, slots=slots, limits=self.limits, allowance=self.allowance)
        self.engine = Engine(self.store, self.targets(), self.clock, config)
        calendars = self.house.calendars
        self.tasks = Tasks(
            self.store, calendars, self.clock, lambda: uuid4().hex, self.engine.wakes
        )
        self.reports = Reports(self.store, self.clock, self.engine.wakes, self.limits)

    def targets(self):
        """Who is called, by the kind of recall."""
        return dict.fromkeys(RecallKind, self.receiver)

    async def add(self, name="task", trigger=None, *, overwrite=False, **spec):
        spec = a_spec(trigger, **spec)
        addition = Addition(key=a_key(name), spec=spec, at=self.clock.now(), overwrite=overwrite)
        return await self.tasks.add(addition, ALICE)

    async def plan(self):
        """Passes of the planner until nothing is due."""
        while await self.engine.planner.run_once() == self.clock.now():
            pass

    async def turn(self, seconds=0.0):
        """Moves the clock, then plans, dispatches, and waits until every slot is free again, but for what is not due."""
        self.clock.advance(seconds)
        await self.plan()
        await self.engine.dispatcher.run_once()
        await self.idle()

    async def turns(self, count, seconds):
        for _ in range(count):
            await self.turn(seconds)

    async def idle(self):
        await until(lambda: self.engine.crew.free + self.early == self.slots)

    @property
    def early(self):
        """How many stand at the door whose moment has not come."""
        now = self.clock.now()
        return sum(guest.fire.run_at > now for guest in self.engine.door._guests.values())

    @property
    def dues(self):
        """The scheduled times of all deliveries, in order."""
        return [
            self.receiver.header(n, "X-Dispatch-Scheduled-Time")[11:-1]
            for n in range(len(self.receiver.orders))
        ]
