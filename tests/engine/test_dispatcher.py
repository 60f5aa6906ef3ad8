"""The dispatcher's pass: free slots, the largest priority first, and never early."""

import pytest

from dispatchserver.domain.destination import EARLY
from tests.builders import an_outcome, at, once
from tests.clocks import until
from tests.engine.works import Works
from tests.houses import NODE

OK = an_outcome(b"ok")


@pytest.fixture
async def narrow(house, clock):
    """The works with a single slot."""
    return Works(house, clock, slots=1)


async def running(works):
    return [fire.key.name for fire in await works.house.fires(state="running")]


async def test_it_never_claims_more_than_it_has_free_slots(works):
    answers = works.receiver.hold(8)
    for n in range(6):
        await works.add(str(n), once())
    await works.engine.planner.run_once()
    assert await works.engine.dispatcher.run_once() is None
    await until(lambda: len(works.receiver.orders) == 4)
    assert len(await running(works)) == 4
    assert await works.engine.dispatcher.run_once() is None
    assert len(await running(works)) == 4
    for answer in answers:
        answer.set_result(OK)
    await works.idle()


async def test_a_freed_slot_goes_to_the_largest_priority_and_then_the_oldest(narrow):
    await narrow.add("first", once())
    await narrow.add("old", once(at(0.1)), priority=1)
    await narrow.add("young", once(at(0.2)), priority=1)
    await narrow.turn()
    await narrow.add("urgent", once(at(0.9)), priority=5)
    await narrow.add("idle", once(at(0.05)), priority=-5)
    await narrow.turn(1)
    await narrow.turns(3, 0)
    assert narrow.receiver.names == ["first", "urgent", "old", "young", "idle"]


async def test_what_comes_while_the_slot_is_taken_is_weighed_with_the_rest(narrow):
    (answer,) = narrow.receiver.hold()
    await narrow.add("long", once())
    await narrow.add("small", once(), priority=-1)
    await narrow.engine.planner.run_once()
    await narrow.engine.dispatcher.run_once()
    await until(lambda: narrow.receiver.orders)
    await narrow.add("large", once(), priority=9)
    await narrow.engine.planner.run_once()
    answer.set_result(OK)
    await narrow.idle()
    await narrow.turns(2, 0)
    assert narrow.receiver.names == ["long", "large", "small"]


async def test_it_never_starts_a_fire_early(works, clock):
    await works.add(trigger=once(at(0.5)))
    await works.turn(0.499)
    assert works.receiver.orders == []
    assert works.engine.door.before == 1
    await works.turn(0.001)
    assert len(works.receiver.orders) == 1


async def test_it_looks_again_when_the_next_fire_can_start(works):
    assert await works.engine.dispatcher.run_once() is None
    await works.add("a", once(at(0.7)))
    await works.add("b", once(at(0.3)))
    await works.engine.planner.run_once()
    assert await works.engine.dispatcher.run_once() == at(0.3) - EARLY / 2


async def test_a_slot_that_gets_free_during_a_claim_is_used_at_once(house, clock, monkeypatch):
    works = Works(house, clock, slots=2)
    (answer,) = works.receiver.hold()
    await works.add("long", once())
    await works.engine.planner.run_once()
    await works.engine.dispatcher.run_once()
    for n in range(3):
        await works.add(str(n), once())
    await works.engine.planner.run_once()
    claim = house.store.claim

    async def claim_while_the_other_slot_frees(*asked):
        claimed = await claim(*asked)
        answer.set_result(OK)
        await works.idle()
        return claimed

    monkeypatch.setattr(house.store, "claim", claim_while_the_other_slot_frees)
    assert await works.engine.dispatcher.run_once() == clock.now()
    await works.idle()


async def test_a_full_house_wakes_the_dispatcher_when_a_slot_gets_free(narrow):
    woken = []
    narrow.engine.crew._on_free = lambda: woken.append("free")
    await narrow.add(trigger=once())
    await narrow.turn()
    assert woken == ["free"]


async def test_a_claim_is_stored_before_anything_is_sent(works, house):
    seen = []
    original = works.receiver.send

    async def send(order):
        (fire,) = await house.fires()
        seen.append((str(fire.state), fire.claimed_by, fire.attempts))
        return await original(order)

    works.receiver.send = send
    await works.add(trigger=once())
    await works.turn()
    assert seen == [("running", NODE, 1)]
