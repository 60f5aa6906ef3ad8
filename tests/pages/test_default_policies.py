"""Default policies on the pages: a group's form says them, and a new task's form begins with them."""

import json
import re
from html import unescape

from dispatchserver.domain.concurrency import OverlapRule
from dispatchserver.domain.group import GroupKey, GroupSpec
from dispatchserver.domain.task import Policies, TaskKey
from dispatchserver.domain.trigger import SimpleTrigger
from tests.documents.test_defaults import read
from tests.pages.conftest import ADMIN, Browser, House, shown_form

SAID = {"timeout": "90s", "overlap": "skip", "retry": {"delays": ["1s", "5s"]}}


async def say(house: House, group: str = "g", **policies: object) -> None:
    key = GroupKey(namespace="default", name=group)
    spec = GroupSpec(policies=read(policies))
    assert (await house.groups.put(key, lambda standing: spec, ADMIN)).spec == spec


def filled(page: str, **fields: str) -> dict[str, str]:
    return shown_form(page) | {"group": "g", "name": "n", "url": "http://h.test/"} | fields


async def policies_of(house: House, group: str = "g") -> Policies:
    return (await house.tasks.find(TaskKey(group=group, name="n"))).task.spec.policies


async def test_a_group_says_policies_as_json_and_shows_them_again(
    house: House, admin: Browser
) -> None:
    sent = {"group": "g", "policies": json.dumps(SAID)}
    assert (await admin.act("/groups/new", **sent)).status == 303
    page = await admin.get("/group/edit", group="g")
    shown = json.loads(shown_form(page.text)["policies"])
    assert (shown["timeout"], shown["overlap"]) == ("90s", {"policy": "skip"})
    assert (await admin.act("/group/edit", **shown_form(page.text))).status == 303
    assert (await house.groups.find(GroupKey(namespace="default", name="g"))).version == 1
    assert "timeout, retry, overlap" in (await admin.get("/groups")).text
    assert "最多 2 次，间隔依次为 1 秒" in page.text  # what its tasks have, in words


async def test_every_fault_stands_at_the_field_by_its_key_with_what_was_typed(
    admin: Browser,
) -> None:
    admin.set_cookie("lang", "en")
    typed = '{"timeout": "2h", "retry": {"max": 99}, "bogus": 1}'
    page = await admin.act("/groups/new", group="g", policies=typed)
    assert page.status == 422
    told = unescape(page.text)
    for key in ("timeout: must be", "retry.max: must be", "bogus: is not a known"):
        assert key in told
    assert shown_form(page.text)["policies"] == typed
    page = await admin.act("/groups/new", group="g", policies='{"calendar": "CN"}')
    assert "calendar: There is no calendar CN" in unescape(page.text)


async def test_a_new_task_of_a_group_begins_with_what_the_group_says(
    house: House, admin: Browser
) -> None:
    await say(house, **SAID)
    page = await admin.get("/tasks/new", group="g")
    fields = shown_form(page.text)
    assert (fields["total_timeout"], fields["overlap"], fields["retry"]) == (
        "90s",
        "skip",
        "delays",
    )
    assert 'id="usual-policies"' in page.text
    answer = await admin.act("/tasks/new", **filled(page.text, overlap="allow"))
    assert answer.status == 303, answer.text
    found = await policies_of(house)
    assert found.overlap.rule is OverlapRule.ALLOW
    assert found == read(SAID | {"overlap": "allow"}).policies


async def test_what_was_left_as_it_was_is_what_the_group_named_later_says(
    house: House, admin: Browser
) -> None:
    await say(house, **SAID)
    page = await admin.get("/tasks/new")
    assert "所填的分组有默认策略" in page.text
    answer = await admin.act("/tasks/new", **filled(page.text, total_timeout="7s"))
    assert answer.status == 303, answer.text
    assert await policies_of(house) == read(SAID | {"timeout": "7s"}).policies


async def test_leaving_a_group_for_another_leaves_its_policies(
    house: House, admin: Browser
) -> None:
    await say(house, **SAID)
    page = await admin.get("/tasks/new", group="g")
    answer = await admin.act("/tasks/new", **filled(page.text, group="other", jitter="3s"))
    assert answer.status == 303, answer.text
    assert await policies_of(house, "other") == read({"jitter": "3s"}).policies


async def test_an_edit_keeps_what_the_task_has_whatever_the_group_says_by_now(
    house: House, admin: Browser
) -> None:
    page = await admin.get("/tasks/new", group="g")
    await admin.act("/tasks/new", **filled(page.text))
    before = await policies_of(house)
    await say(house, **SAID)
    page = await admin.get("/task/edit", group="g", name="n")
    assert 'id="usual-policies"' not in page.text
    assert (await admin.act("/task/edit", **shown_form(page.text))).status == 303
    assert await policies_of(house) == before


async def test_one_of_quartzs_instructions_is_kept_where_it_fits_and_else_told_as_the_groups(
    house: House, admin: Browser
) -> None:
    await say(house, misfire="FIRE_NOW")
    page = await admin.get("/tasks/new", group="g")
    assert shown_form(page.text)["misfire"] == "kept"
    answer = await admin.act("/tasks/new", **filled(page.text))
    assert answer.status == 303, answer.text
    assert isinstance(
        (await house.tasks.find(TaskKey(group="g", name="n"))).task.spec.trigger, SimpleTrigger
    )
    assert await policies_of(house) == read({"misfire": "FIRE_NOW"}).policies
    late = await admin.get("/tasks/new")
    answer = await admin.act(
        "/tasks/new", **filled(late.text, name="m", trigger="cron", cron="0 0 12 * * ?")
    )
    assert answer.status == 422
    found = re.findall(r'class="fault">.*?<span>(.*?)</span>', answer.text, re.S)
    assert any("分组 g 的默认策略" in text for text in found)


async def test_a_fixed_delay_asks_for_no_calendar_so_a_groups_is_not_given_to_it(
    house: House, admin: Browser
) -> None:
    await admin.act("/calendars/new", name="CN", weekday6="1")
    names = [each.key.name for each, _ in await house.calendars.list("default")]
    assert names == ["CN"]
    await say(house, calendar="CN")
    page = await admin.get("/tasks/new")
    answer = await admin.act("/tasks/new", **filled(page.text, trigger="delay"))
    assert answer.status == 303, answer.text
    assert (await policies_of(house)).calendar is None
