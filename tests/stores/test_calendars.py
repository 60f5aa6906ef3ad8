"""What every store promises of calendars, asked through ports.Calendars only."""

from datetime import date

import pytest

from dispatchserver.domain import changing
from dispatchserver.domain.calendar import DateRange, Edition, Shift
from dispatchserver.domain.calendarspec import Absence, CalendarKey, CalendarSpec
from dispatchserver.domain.errors import CalendarChanged, CalendarInUse, CalendarNotFound, Invalid
from dispatchserver.domain.task import Policies
from tests.builders import ALICE, NOON, a_key, a_spec, at, every

NATIONAL_DAY = Absence(DateRange(date(2026, 10, 1), date(2026, 10, 7)), "国庆节")
CN = CalendarSpec(weekdays=(6, 7), excluded=(NATIONAL_DAY,), working=(date(2026, 10, 10),))


def key(name="CN", namespace="default"):
    return CalendarKey(namespace=namespace, name=name)


async def put(house, spec=CN, name="CN", now=NOON):
    return (await house.calendars.put(key(name), lambda standing: spec, ALICE, now)).calendar


async def test_a_calendar_is_found_as_it_was_said(house):
    stored = await put(house)
    assert await house.calendars.find(key()) == stored
    assert (stored.spec, stored.version, stored.updated_at) == (CN, 1, NOON)
    assert stored.updated_by == "alice"


async def test_a_change_raises_the_version_and_one_that_says_nothing_new_does_not(house):
    await put(house)
    assert (await put(house, now=at(1))).version == 1
    assert (await put(house, CalendarSpec(weekdays=(7,)), now=at(2))).version == 2


async def test_a_change_is_decided_on_the_calendar_as_it_stands(house):
    await put(house)
    more = DateRange(date(2026, 5, 1), date(2026, 5, 3))
    added = await house.calendars.put(
        key(), lambda c: c.spec.with_absences([Absence(more, "五一")]), ALICE, NOON
    )
    assert added.calendar.spec.excluded == (Absence(more, "五一"), NATIONAL_DAY)


async def test_a_refused_calendar_changes_nothing(house):
    def refuse(standing):
        raise Invalid("calendar.excludes_all")

    await put(house)
    with pytest.raises(Invalid):
        await house.calendars.put(key(), refuse, ALICE, NOON)
    assert (await house.calendars.find(key())).version == 1


async def test_calendars_are_listed_by_name_within_their_namespace(house):
    for name in ("b", "a"):
        await put(house, name=name)
    assert [each.key.name for each, _ in await house.calendars.list("default")] == ["a", "b"]
    assert await house.calendars.list("other") == []
    assert await house.calendars.find(key("a", "other")) is None


async def test_a_deleted_calendar_is_gone(house):
    await put(house)
    await house.calendars.delete(key(), ALICE, NOON)
    assert await house.calendars.find(key()) is None
    with pytest.raises(CalendarNotFound):
        await house.calendars.delete(key(), ALICE, NOON)


async def test_what_is_done_to_calendars_is_audited(house):
    await put(house)
    await put(house, CalendarSpec(weekdays=(7,)))
    await house.calendars.delete(key(), ALICE, NOON)
    told = [action for action, _ in await house.audit()]
    assert told == ["calendar_added", "calendar_changed", "calendar_deleted"]


async def attach(house, edition, shift=Shift.NEXT, now=NOON):
    policies = Policies(calendar="CN", shift=shift)
    spec = a_spec(every(60), policies=policies)
    addition = changing.Addition(key=a_key(), spec=spec, at=now, edition=edition)
    decide = changing.add(addition, new_id="t" * 32)
    return (await house.store.change_task(a_key(), decide, ALICE, now)).after


async def test_a_task_is_kept_with_its_calendar_as_that_stands(house):
    await put(house)
    task = await attach(house, Edition("CN", 1, CN.calendar()))
    assert (await house.find()).task == task
    assert await house.store.due_tasks(at(60), 9) == [task]
    changed = await put(house, CalendarSpec(weekdays=(7,)), now=at(1))
    (due,) = await house.store.due_tasks(at(60), 9)
    assert due.edition == Edition("CN", 2, changed.spec.calendar())


@pytest.mark.parametrize("edition", [None, Edition("CN", 2, CN.calendar())])
async def test_a_task_is_not_kept_by_a_calendar_that_does_not_stand_so(house, edition):
    await put(house)
    with pytest.raises(CalendarChanged):
        await attach(house, edition)
    assert await house.count("tasks") == 0


async def test_a_calendar_in_use_is_not_deleted_and_tells_by_whom(house):
    await put(house)
    await attach(house, Edition("CN", 1, CN.calendar()))
    with pytest.raises(CalendarInUse) as caught:
        await house.calendars.delete(key(), ALICE, NOON)
    assert caught.value.params == {"name": "CN", "count": 1, "group": "group", "task": "task"}


async def test_a_replaced_task_lets_go_of_its_calendar(house):
    await put(house)
    await attach(house, Edition("CN", 1, CN.calendar()))
    await house.add(overwrite=True)
    await house.calendars.delete(key(), ALICE, NOON)
