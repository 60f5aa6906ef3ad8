"""What every store promises of the limits of destinations, asked through registries.DestinationLimits only."""

import pytest

from dispatchserver.domain.destination import Allowance, Load
from dispatchserver.domain.destinationspec import DestinationSpec
from dispatchserver.domain.errors import DestinationNotFound, Invalid
from dispatchserver.domain.placing import Placing
from dispatchserver.domain.rate import read_rate
from tests.builders import ALICE, NOON, at, once

NAME = "receiver.test:80"
SLOW = DestinationSpec(slots=3, rate=read_rate("20/s", 5), paused=True)


async def put(house, spec=SLOW, name=NAME, now=NOON):
    return await house.destinations.put(name, lambda standing: spec, ALICE, now)


async def test_limits_are_listed_as_they_were_said(house):
    stored = await put(house)
    assert await house.destinations.list() == [stored]
    assert (stored.name, stored.spec, stored.version, stored.updated_at) == (NAME, SLOW, 1, NOON)


async def test_a_change_raises_the_version_and_one_that_says_nothing_new_does_not(house):
    await put(house)
    assert (await put(house, now=at(1))).version == 1
    changed = await put(house, DestinationSpec(slots=4), now=at(2))
    assert (changed.version, changed.updated_at) == (2, at(2))
    assert await house.destinations.list() == [changed]


async def test_a_refused_change_changes_nothing_and_is_not_audited(house):
    def refuse(standing):
        raise Invalid("destination.burst")

    stored = await put(house)
    with pytest.raises(Invalid):
        await house.destinations.put(NAME, refuse, ALICE, at(1))
    assert await house.destinations.list() == [stored]
    assert len(await house.audit()) == 1


async def test_limits_that_are_taken_back_are_gone_and_cannot_be_taken_back_twice(house):
    await put(house)
    await put(house, name="other.test:443")
    await house.destinations.delete(NAME, ALICE, at(1))
    assert [each.name for each in await house.destinations.list()] == ["other.test:443"]
    with pytest.raises(DestinationNotFound):
        await house.destinations.delete(NAME, ALICE, at(2))


async def test_what_is_said_of_destinations_is_audited_with_what_was_set(house):
    await put(house)
    await put(house, DestinationSpec())
    await house.destinations.note_reset(NAME, ALICE, at(1))
    await house.destinations.delete(NAME, ALICE, at(2))
    assert await house.audit() == [
        ("destination_added", '{"slots":3,"rate":["20/s",5],"paused":true}'),
        ("destination_changed", '{"slots":null,"rate":null,"paused":false}'),
        ("destination_reset", ""),
        ("destination_deleted", ""),
    ]
    found = await house.driver.page_reader.fetch("SELECT DISTINCT name, who FROM audit")
    assert [(row["name"], row["who"]) for row in found] == [(NAME, "alice")]


def closed(now):
    """Destinations that have no room for anybody."""
    return Placing(now, lambda _: Load(), lambda _: Allowance(paused=True))


@pytest.fixture
async def three_behind(house):
    """Three fires that are set aside behind a receiver."""
    for n in range(3):
        await house.add(f"t{n}", once())
    await house.plan()
    await house.store.claim("a", NOON, 10, at(60), lambda: closed(NOON))


async def test_what_waits_behind_destinations_is_counted(house, three_behind):
    assert await house.destinations.waiting() == {NAME: 3}


async def test_what_a_paused_task_holds_back_waits_for_nobody(house, three_behind):
    await house.pause("t0")
    assert await house.destinations.waiting() == {NAME: 2}
    await house.resume("t0", at(1))
    assert [fire.behind for fire in await house.fires() if fire.key.name == "t0"] == [None]
