"""Attempts that authenticate: what is sent along, with which value, and what happens where there is none."""

import logging

import pytest

from dispatchserver.domain.authorization import BasicAuth, BearerAuth, HeaderAuth, MtlsAuth
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fire import FireState, Reason
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.retrypolicy import Delays, Failure, Retry
from dispatchserver.domain.secrets import SecretKey
from dispatchserver.domain.task import Policies
from dispatchserver.engine.replays import ReplayCases
from dispatchserver.engine.secrets import SecretCases
from dispatchserver.recalls.clientcert import check_pair
from tests.builders import ALICE, an_outcome, at, once

KEY = SecretKey(name="shop-api")
PEM = "-----BEGIN CERTIFICATE-----"
AGAIN = Policies(
    retry=Retry(pauses=Delays(spans=(at(1) - at(0),) * 3), on=frozenset({*Failure, "401"}))
)


def calling(auth, **more):
    return HttpRecall(url="https://receiver.test/", auth=auth, **more)


async def put(works, value="canary-1"):
    await works.house.secrets.put(KEY, value, ALICE, works.clock.now())


def sent(works, index=0):
    return works.receiver.headers(index)


async def attempts(works, fire):
    return await works.store.list_attempts(fire.id)


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (BearerAuth(secret=KEY.name), "Authorization", "Bearer canary-1"),
        (BasicAuth(user="u", secret=KEY.name), "Authorization", "Basic dTpjYW5hcnktMQ=="),
        (HeaderAuth(name="X-Api-Key", secret=KEY.name), "X-Api-Key", "canary-1"),
    ],
)
async def test_the_secret_is_sent_in_its_header_beside_all_others(works, auth, header, value):
    await put(works)
    await works.add(trigger=once(), recall=calling(auth, headers=(("X-Tenant", "42"),)))
    await works.turn()
    headers = sent(works)
    assert (headers[header], headers["X-Tenant"]) == (value, "42")
    assert "canary" not in repr(works.receiver.orders[0])


async def test_a_certificate_goes_to_the_handshake_and_into_no_header(works):
    await put(works, PEM)
    await works.add(trigger=once(), recall=calling(MtlsAuth(secret=KEY.name)))
    await works.turn()
    assert works.receiver.orders[0].client_pem == PEM
    assert PEM not in str(sent(works)) and "Authorization" not in sent(works)


async def test_a_changed_secret_counts_from_the_next_attempt_on(works):
    await put(works)
    auth = BearerAuth(secret=KEY.name)
    await works.add(trigger=once(), recall=calling(auth), policies=AGAIN)
    works.receiver.says = [an_outcome(b"no", status=401)]
    await works.turn()
    await put(works, "canary-2")
    await works.turn(1)
    told = [sent(works, n)["Authorization"] for n in range(2)]
    assert told == ["Bearer canary-1", "Bearer canary-2"]
    (fire,) = await works.house.fires()
    assert fire.state is FireState.SUCCEEDED


async def test_a_missing_secret_sends_nothing_says_so_and_is_tried_again(works):
    await put(works)
    await works.add(recall=calling(BearerAuth(secret=KEY.name)), policies=AGAIN)
    fire = await works.house.trigger_now(now=works.clock.now())
    await works.turn()
    await works.add(overwrite=True, policies=AGAIN)
    await works.house.secrets.delete(KEY, ALICE, works.clock.now())
    cases = ReplayCases(works.store, works.clock, lambda: "r" * 32, lambda _: None)
    again = await cases.one(fire.id, ALICE)
    before = len(works.receiver.orders)
    await works.turn()
    assert len(works.receiver.orders) == before
    (attempt,) = await attempts(works, again)
    assert attempt.outcome.reason is Reason.SECRET
    assert attempt.outcome.detail == "there is no secret shop-api"


@pytest.mark.parametrize("value", ["two\nlines", "schlüssel"])
async def test_a_value_that_no_header_takes_sends_nothing_and_is_not_told(works, value):
    await put(works, value)
    await works.add(trigger=once(), recall=calling(BearerAuth(secret=KEY.name)))
    await works.turn()
    assert works.receiver.orders == []
    (fire,) = await works.house.fires()
    (attempt,) = await attempts(works, fire)
    assert attempt.outcome.reason is Reason.SECRET
    assert "shop-api" in attempt.outcome.detail and value not in attempt.outcome.detail


async def test_what_a_receiver_repeats_of_a_secret_is_not_kept(works, caplog):
    caplog.set_level(logging.DEBUG, logger="dispatchserver")
    await put(works)
    await works.add(trigger=once(), recall=calling(BearerAuth(secret=KEY.name)), policies=AGAIN)
    works.receiver.says = [
        an_outcome(b'{"success": false, "resultValue": "bad token canary-1"}'),
        ValueError("Bearer canary-1"),
        an_outcome(b'{"success": "true", "resultValue": ["canary-1"]}'),
    ]
    for _ in range(3):
        await works.turn(1)
    (fire,) = await works.house.fires()
    assert (fire.state, fire.result) == (FireState.SUCCEEDED, '["•••"]')
    kept = await attempts(works, fire)
    assert [attempt.verdict.result for attempt in kept] == ["bad token •••", None, '["•••"]']
    assert "canary" not in repr(kept)
    assert "ValueError('Bearer •••')" in caplog.text and "canary" not in caplog.text


class TestSetting:
    """The use cases of secrets."""

    @pytest.fixture
    def cases(self, works):
        return SecretCases(works.house.secrets, works.clock, check_pair)

    async def test_a_value_that_a_task_could_not_send_is_refused(self, works, cases):
        assert await cases.put(KEY, "canary-1\n", ALICE)
        await works.add("a", once(), recall=calling(BearerAuth(secret=KEY.name)))
        with pytest.raises(Invalid) as refused:
            await cases.put(KEY, "two\nlines", ALICE)
        assert refused.value.code == "sending.value_line"
        await works.turn()
        assert sent(works)["Authorization"] == "Bearer canary-1"

    async def test_a_value_that_is_no_certificate_is_refused_where_a_task_shows_it(
        self, works, cases
    ):
        await cases.put(KEY, "canary-1", ALICE)
        await works.add(recall=calling(MtlsAuth(secret=KEY.name)))
        with pytest.raises(Invalid) as refused:
            await cases.put(KEY, "canary-2", ALICE)
        assert refused.value.code == "sending.value_pair"
