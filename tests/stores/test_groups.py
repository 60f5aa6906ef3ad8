"""What every store promises of groups, asked through ports.Groups only."""

from zoneinfo import ZoneInfo

import pytest

from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.group import NOTHING_SAID, GroupKey, GroupSpec
from tests.builders import ALICE, NOON, at

BERLIN = GroupSpec(zone=ZoneInfo("Europe/Berlin"), note="问 Anna")


def key(name="夜 间/a", namespace="default"):
    return GroupKey(namespace=namespace, name=name)


async def put(house, spec=BERLIN, now=NOON, **named):
    return await house.groups.put(key(**named), lambda standing: spec, ALICE, now)


async def test_a_group_is_listed_as_it_was_said(house):
    stored = await put(house)
    assert await house.groups.list("default") == [stored]
    assert (stored.spec, stored.version, stored.updated_at) == (BERLIN, 1, NOON)


async def test_a_change_raises_the_version_and_one_that_says_nothing_new_does_not(house):
    await put(house)
    assert (await put(house, now=at(1))).version == 1
    assert (await put(house, NOTHING_SAID, now=at(2))).version == 2
    (stored,) = await house.groups.list("default")
    assert (stored.spec, stored.updated_at) == (NOTHING_SAID, at(2))


async def test_a_change_is_decided_on_the_settings_as_they_stand(house):
    seen = []

    def decide(standing):
        seen.append(standing)
        return BERLIN

    await house.groups.put(key(), decide, ALICE, NOON)
    stored = await house.groups.put(key(), decide, ALICE, NOON)
    assert seen == [None, stored]


async def test_a_refused_change_changes_nothing_and_is_not_audited(house):
    def refuse(standing):
        raise Invalid("trigger.zone", nearest="")

    stored = await put(house)
    with pytest.raises(Invalid):
        await house.groups.put(key(), refuse, ALICE, at(1))
    assert await house.groups.list("default") == [stored]
    assert len(await house.audit()) == 1


async def test_groups_are_listed_by_name_within_their_namespace(house):
    for name in ("b", "a"):
        await put(house, name=name)
    await put(house, name="c", namespace="other")
    assert [each.key.name for each in await house.groups.list("default")] == ["a", "b"]


async def test_what_is_said_of_groups_is_audited(house):
    await put(house)
    await put(house, NOTHING_SAID)
    assert [action for action, _ in await house.audit()] == ["group_added", "group_changed"]
