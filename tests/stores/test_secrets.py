"""What every store promises of secrets, asked through registries.Secrets, and what a claim brings along."""

from dataclasses import replace

import pytest

from dispatchserver.domain.authorization import BasicAuth, BearerAuth, HeaderAuth, MtlsAuth
from dispatchserver.domain.errors import SecretInUse, SecretNotFound
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.secrets import SecretKey
from tests.builders import ALICE, NOON, at, once

KEY = SecretKey(name="shop-api")


def using(name="shop-api", auth=BearerAuth, **more):
    return HttpRecall(url="http://receiver.test/", auth=auth(secret=name, **more))


async def put(house, value="canary-1", key=KEY, now=NOON):
    return await house.secrets.put(key, value, ALICE, now)


async def secrets_claimed(house, now=NOON):
    claims = await house.store.claim("node", now, 10, at(9000))
    return [each.secret for each in claims.assignments]


async def test_a_secret_is_listed_with_all_but_its_value(house):
    assert await put(house)
    assert not await put(house, "canary-2", now=at(5))
    (shown,) = await house.secrets.list("default")
    assert (shown.key, shown.version, shown.updated_at, shown.updated_by, shown.tasks) == (
        KEY,
        2,
        at(5),
        "alice",
        0,
    )
    assert "canary" not in repr(shown)
    assert await house.secrets.list("other") == []


async def test_the_audit_tells_what_was_done_and_no_value(house):
    await put(house)
    await put(house, "canary-2")
    await house.secrets.delete(KEY, ALICE, at(1))
    assert await house.audit() == [
        ("secret_made", ""),
        ("secret_changed", ""),
        ("secret_deleted", ""),
    ]


async def test_a_task_names_only_a_secret_that_is_there(house):
    await put(house, key=SecretKey(name="shop-api2"))
    with pytest.raises(SecretNotFound) as refused:
        await house.add(recall=using())
    assert refused.value.params == {"name": "shop-api", "nearest": "shop-api2"}
    assert await house.find() is None
    await put(house)
    await house.add(recall=using())
    with pytest.raises(SecretNotFound):
        await house.add(recall=using("gone"), overwrite=True)
    assert (await house.find()).task.spec.recall == using()


@pytest.mark.parametrize(
    "auth",
    [
        BearerAuth(secret="shop-api"),
        BasicAuth(user="u", secret="shop-api"),
        HeaderAuth(name="X-K", secret="shop-api"),
        MtlsAuth(secret="shop-api"),
    ],
    ids=lambda auth: auth.kind,
)
async def test_every_way_to_authenticate_is_kept_with_the_headers(house, auth):
    await put(house)
    headers = (("X-B", "2"), ("X-A", "1"))
    recall = HttpRecall(url="https://receiver.test/", auth=auth, headers=headers)
    await house.add(recall=recall)
    assert (await house.find()).task.spec.recall == recall
    assert await house.secrets.uses(KEY) == [auth]


async def test_a_secret_of_another_namespace_is_none(house):
    await put(house, key=replace(KEY, namespace="other"))
    with pytest.raises(SecretNotFound):
        await house.add(recall=using())


async def test_a_secret_is_forgotten_only_when_no_task_uses_it_any_more(house):
    await put(house)
    await house.add("b", recall=using(), group="g")
    await house.add("a", recall=using(auth=BasicAuth, user="u"), group="g")
    assert [secret.tasks for secret in await house.secrets.list("default")] == [2]
    assert await house.tasks(secret="shop-api") == ["a", "b"]
    with pytest.raises(SecretInUse) as refused:
        await house.secrets.delete(KEY, ALICE, NOON)
    assert refused.value.params == {"name": "shop-api", "count": 2, "group": "g", "task": "a"}
    for name in ("a", "b"):
        await house.add(name, group="g", overwrite=True)
    await house.secrets.delete(KEY, ALICE, NOON)
    assert await house.secrets.list("default") == []
    with pytest.raises(SecretNotFound):
        await house.secrets.delete(KEY, ALICE, NOON)


async def test_the_ways_in_which_a_secret_is_used_are_told_each_once(house):
    await put(house)
    for name in ("a", "b"):
        await house.add(name, recall=using())
    await house.add("c", recall=using(auth=BasicAuth, user="u"))
    await house.add("d")
    assert set(await house.secrets.uses(KEY)) == {
        using().auth,
        using(auth=BasicAuth, user="u").auth,
    }
    assert await house.secrets.uses(SecretKey(name="other")) == []


async def test_a_claim_brings_the_value_that_stands_when_it_is_made(house):
    await put(house)
    await house.add("plain", once())
    await house.add("task", once(), recall=using())
    await house.plan(ahead=0)
    await put(house, "canary-2", now=at(1))
    assert sorted(await secrets_claimed(house, at(1)), key=str) == [None, "canary-2"]


async def test_a_claim_of_an_earlier_version_finds_no_secret_that_was_deleted(house):
    await put(house)
    await house.add(recall=using())
    fire = await house.trigger_now()
    await house.add(overwrite=True, now=at(1))
    await house.secrets.delete(KEY, ALICE, at(1))
    replayed = replace(fire, id="r" * 32, run_at=at(2), due_at=at(2), replay_of=fire.id)
    await house.store.replay(fire.id, lambda fire, again: replayed, ALICE, at(2))
    claims = await house.store.claim("node", at(2), 10, at(9000))
    (assignment,) = [each for each in claims.assignments if each.fire.id == replayed.id]
    assert (assignment.recall.auth, assignment.secret) == (using().auth, None)


async def test_an_assignment_does_not_tell_its_secret(house):
    await put(house)
    await house.add(trigger=once(), recall=using())
    await house.plan(ahead=0)
    claims = await house.store.claim("node", NOON, 10, at(9000))
    assert "canary" not in repr(claims)
