"""What every store promises of signing keys, asked through registries.SigningKeys, and what a claim brings along."""

from dataclasses import replace

import pytest

from dispatchserver.domain.errors import SigningKeyNotFound
from dispatchserver.domain.group import GroupKey
from dispatchserver.domain.signing import SigningKey, key_text, retired
from tests.builders import ALICE, NOON, at, once

GROUP = GroupKey(namespace="default", name="group")
NEW = SigningKey(id="new", key=key_text(b"n" * 32), since=at(1))
OLD = SigningKey(id="old", key=key_text(b"o" * 32), since=NOON, until=at(60))


async def give(house, *keys, group=GROUP, now=NOON):
    return await house.signing_keys.change(group, lambda standing: keys, ALICE, now)


async def claimed_keys(house, now, name="task", **task):
    await house.add(name, once(now), now=now, **task)
    await house.plan(now, ahead=0)
    claims = await house.store.claim("node", now, 10, at(9000))
    return {each.fire.key.name: each.signing_keys for each in claims.assignments}


async def test_keys_are_kept_as_they_were_given_the_newest_first(house):
    await give(house, OLD)
    assert await give(house, NEW, OLD) == (NEW, OLD)
    assert await house.signing_keys.of(GROUP, NOON) == [NEW, OLD]
    assert await house.signing_keys.of(replace(GROUP, namespace="other"), NOON) == []


async def test_a_key_lives_until_its_end_and_is_gone_then(house):
    await give(house, NEW, OLD)
    assert await house.signing_keys.of(GROUP, at(60)) == [NEW]
    seen = []
    await house.signing_keys.change(GROUP, lambda keys: seen.extend(keys) or keys, ALICE, at(61))
    assert seen == [NEW]


async def test_a_refused_change_changes_nothing_and_is_not_audited(house):
    await give(house, NEW)
    noted = await house.audit()
    with pytest.raises(SigningKeyNotFound):
        await house.signing_keys.change(GROUP, retired("group", "other"), ALICE, at(1))
    assert await house.signing_keys.of(GROUP, at(1)) == [NEW]
    assert await house.audit() == noted


async def test_the_audit_tells_which_keys_came_and_went_and_no_key(house):
    await give(house, OLD)
    await give(house, NEW, OLD)
    await give(house, NEW)
    made, retired_ = "signing_key_made", "signing_key_retired"
    assert await house.audit() == [(made, "old"), (made, "new"), (retired_, "old")]


async def test_groups_with_keys_are_named(house):
    await give(house, NEW)
    await give(house, group=replace(GROUP, name="emptied"))
    assert await house.groups.signed("default") == {"group"}
    assert await house.groups.signed("other") == set()


async def test_a_claim_brings_the_keys_that_live_then_the_newest_first(house):
    await give(house, NEW, OLD)
    assert await claimed_keys(house, at(30)) == {"task": (NEW.key, OLD.key)}
    assert await claimed_keys(house, at(60), "later") == {"later": (NEW.key,)}


async def test_a_claim_of_fires_of_many_groups_gives_each_its_own_keys_in_one_statement(house):
    await give(house, NEW)
    await give(house, OLD, group=replace(GROUP, name="b"))
    await house.add("in b", once(), group="b")
    await house.add("in c", once(), group="c")
    async with house.statements() as seen:
        claimed = await claimed_keys(house, NOON)
    assert claimed == {"task": (NEW.key,), "in b": (OLD.key,), "in c": ()}
    assert len([statement for statement in seen if "json_array" in statement]) == 1


async def test_a_key_that_another_server_retired_signs_no_claim_after_that(house):
    await give(house, NEW)
    assert await claimed_keys(house, at(1)) == {"task": (NEW.key,)}
    await give(house)
    assert await claimed_keys(house, at(1), "next") == {"next": ()}


async def test_a_key_is_not_in_what_a_claim_says_of_itself(house):
    await give(house, NEW)
    await house.add(trigger=once())
    await house.plan(ahead=0)
    claims = await house.store.claim("node", NOON, 10, at(9000))
    assert NEW.key not in repr(claims) + repr(NEW)
