"""The use cases of groups: whose zone a task takes that names none, and since when."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from dispatchserver.domain.errors import GroupNotFound
from dispatchserver.domain.group import NOTHING_SAID, GroupKey, GroupSpec
from dispatchserver.engine.groups import FRESH, GroupCases
from tests.builders import ALICE, cron

UTC, BERLIN, TOKYO = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo")


@pytest.fixture
def groups(house, clock):
    return cases(house, clock)


def cases(house, clock):
    return GroupCases(house.groups, house.store, clock, UTC)


async def say(groups, zone=None, name="group", note="", namespace="default"):
    spec = GroupSpec(zone=zone, note=note)
    return await groups.put(key(name, namespace), lambda standing: spec, ALICE)


def key(name, namespace="default"):
    return GroupKey(namespace=namespace, name=name)


async def test_the_zone_is_the_groups_else_the_servers(groups):
    await say(groups, BERLIN)
    await say(groups, None, "noted", "no zone")
    assert await groups.zone_of("default", "group") == BERLIN
    assert await groups.zone_of("default", "noted") == UTC
    assert await groups.zone_of("default", "unheard of") == UTC
    assert await groups.zone_of("other", "group") == UTC


async def test_a_change_holds_at_once(groups):
    for zone in (BERLIN, TOKYO, None):
        await say(groups, zone)
        assert await groups.zone_of("default", "group") == (zone or UTC)


async def test_what_another_server_changed_is_seen_a_second_later(house, clock, groups):
    assert await groups.zone_of("default", "group") == UTC
    await say(cases(house, clock), BERLIN)
    clock.advance(FRESH)
    assert await groups.zone_of("default", "group") == BERLIN


async def test_zones_are_kept_between_adds_but_not_over_a_clock_that_was_set_back(
    house, clock, groups
):
    await groups.zone_of("default", "group")
    await say(cases(house, clock), BERLIN)
    assert await groups.zone_of("default", "group") == UTC
    clock.advance(-timedelta(days=1))
    assert await groups.zone_of("default", "group") == BERLIN


async def test_groups_with_tasks_or_settings_are_listed_with_counts(house, groups):
    await house.add("one", group="b")
    await house.add("two", group="b")
    await say(groups, BERLIN, "a")
    await say(groups, TOKYO, "gone")
    await say(groups, None, "gone")
    listed = await groups.list("default")
    assert [(each.key.name, each.tasks, each.spec.zone) for each in listed] == [
        ("a", 0, BERLIN),
        ("b", 2, None),
    ]
    assert (await groups.find(key("b"))).spec == NOTHING_SAID


async def test_an_unknown_group_is_not_found_with_the_nearest_names(groups):
    await say(groups, BERLIN, "nightly")
    with pytest.raises(GroupNotFound) as caught:
        await groups.find(key("nightli"))
    assert caught.value.params == {"name": "nightli", "nearest": "nightly"}
    with pytest.raises(GroupNotFound):
        await groups.find(key("nightly", "other"))


async def test_a_task_fires_by_the_zone_that_its_group_had_when_it_was_added(works, groups):
    await say(groups, BERLIN)
    zone = await groups.zone_of("default", "group")
    await works.add("task", cron("0 0 9 * * ?", zone.key))
    await say(groups, TOKYO)
    await works.turn(19 * 3600)
    assert works.receiver.orders == []
    await works.turn(3600)
    assert works.dues == ["08:00:00"]  # 9 o'clock in Berlin, where it is winter
