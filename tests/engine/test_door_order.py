"""The door of a receiver: in which order those come in that stand there."""

import asyncio

from dispatchserver.domain.destination import Allowance
from dispatchserver.domain.listing import Assignment
from dispatchserver.domain.task import Policies
from dispatchserver.engine.destinations import Destinations
from dispatchserver.engine.door import Door, Entrance
from tests.builders import NOON, RECALL, a_fire
from tests.clocks import ManualClock

NAME = RECALL.destination


class Receiver:
    """One with a single slot, which a call has taken; who comes in, in which order."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOON)
        self.destinations = Destinations(Allowance(slots=1))
        self.door = Door(self.destinations, self.clock)
        self.came: list[int] = []
        assert self.destinations.begin(NAME, NOON)

    def comes(self, priority: int) -> asyncio.Task[None]:
        """One that was claimed comes to the door."""
        assert not self.destinations.begin(NAME, NOON), "the room is somebody else's"
        fire = a_fire(id=str(priority), priority=priority)
        assignment = Assignment(fire=fire, recall=RECALL, policies=Policies(), crowded=True)
        return asyncio.create_task(self._enter(assignment))

    async def _enter(self, assignment: Assignment) -> None:
        assert await self.door.enter(assignment) is Entrance.ADMITTED
        self.came.append(assignment.fire.priority)

    def ends(self) -> None:
        """The call in flight ends: the next one is called in."""
        self.destinations.end(NAME, None, NOON)
        self.door.call(NAME)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_comes_while_another_is_called_in_does_not_slip_in_before():
    receiver = Receiver()
    waiting = [receiver.comes(9), receiver.comes(8)]
    await settle()
    late = receiver.comes(7)
    receiver.ends()  # before the late one looks
    await settle()
    assert receiver.came == [9]
    receiver.ends()
    await settle()
    receiver.ends()
    await asyncio.gather(*waiting, late)
    assert receiver.came == [9, 8, 7]


async def test_who_comes_last_and_is_more_urgent_goes_before_those_that_wait():
    receiver = Receiver()
    waiting = [receiver.comes(1), receiver.comes(2)]
    await settle()
    urgent = receiver.comes(9)
    await settle()
    for _ in range(3):
        receiver.ends()
        await settle()
    await asyncio.gather(*waiting, urgent)
    assert receiver.came == [9, 2, 1]


async def test_who_comes_when_there_is_room_and_nobody_waits_goes_in_at_once():
    receiver = Receiver()
    first = receiver.comes(5)
    receiver.ends()  # nobody stands there yet
    await first
    assert receiver.came == [5]
