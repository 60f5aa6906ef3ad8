"""A receiver at work says how far it has come, and is waited for."""

import pytest

from dispatchserver.domain.authorization import BearerAuth
from dispatchserver.domain.concurrency import Overlap, OverlapRule
from dispatchserver.domain.errors import FireEnded, FireNotFound, FireUnsent
from dispatchserver.domain.fire import FireState
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.reporting import Mark, ProgressReport, Report
from dispatchserver.domain.retrypolicy import Delays, Retry
from dispatchserver.domain.secrets import SecretKey
from dispatchserver.domain.task import Policies
from tests.builders import ALICE, an_outcome, at, every, once
from tests.clocks import s, until

PROMISE = an_outcome(b'{"success": true, "asynchronized": true, "resultValue": "accepted"}')
MINUTE = Policies(report_timeout=s(60))


async def promised(works, policies=MINUTE, trigger=None):
    works.receiver.says = [PROMISE]
    await works.add(trigger=trigger or once(), policies=policies)
    await works.turn()
    (fire,) = await works.house.fires()
    return fire.id


def telling(works, fire_id, percent=None, text=None):
    told = ProgressReport(fire_id=fire_id, percent=percent, text=text)
    return works.reports.progress(told, ALICE)


def reporting(works, fire_id, *, success=True, result="done"):
    return works.reports.accept(Report(fire_id=fire_id, success=success, result=result), ALICE)


async def test_who_tells_of_its_progress_is_waited_for(works):
    fire_id = await promised(works)
    for _ in range(5):
        works.clock.advance(50)
        await telling(works, fire_id, 40)
        assert await works.engine.sweeper.run_once() == works.clock.now() + s(60)
    await reporting(works, fire_id)
    assert await works.house.told() == [(0, "succeeded", "reported")]


async def test_who_falls_silent_fails_at_the_new_deadline(works):
    fire_id = await promised(works)
    works.clock.advance(50)
    await telling(works, fire_id, 40, "copying")
    works.clock.advance(59)
    await works.engine.sweeper.run_once()
    assert await works.house.told() == [(0, "waiting", None)]
    works.clock.advance(1)
    await works.engine.sweeper.run_once()
    (fire,) = await works.house.fires()
    assert (fire.state, fire.reason) == ("failed", "report_timeout")
    assert (fire.progress.percent, fire.progress.text) == (40, "copying")


async def test_a_task_that_names_no_report_timeout_gets_the_servers(works):
    fire_id = await promised(works, Policies())
    works.clock.advance(100)
    assert (await telling(works, fire_id)).deadline_at == at(100) + works.limits.report_timeout


async def test_nobody_is_waited_for_longer_than_a_month(works):
    fire_id = await promised(works)
    for _ in range(31):
        works.clock.advance(24 * 3600 - 1)
        await works.house.driver.writer.execute(
            f"UPDATE fires SET deadline_at = {int((works.clock.now() + s(1)).timestamp() * 1000)}"
            f" WHERE deadline_at < {int(at(days=30).timestamp() * 1000)}"
        )
        fire = await telling(works, fire_id, 1)
    assert fire.deadline_at == at(days=30)


async def test_progress_before_the_reply_does_not_disturb_it(works):
    (answer,) = works.receiver.hold()
    await works.add(trigger=once(), policies=MINUTE)
    await works.engine.planner.run_once()
    await works.engine.dispatcher.run_once()
    await until(lambda: works.receiver.orders)
    (fire,) = await works.house.fires()
    told = await telling(works, fire.id, 10, "begun")
    assert (told.state, told.deadline_at) == (FireState.RUNNING, fire.deadline_at)
    answer.set_result(PROMISE)
    await works.idle()
    (after,) = await works.house.fires()
    assert (after.state, after.deadline_at) == (FireState.WAITING, at(60))
    assert after.current_progress.text == "begun"


async def test_a_new_attempt_begins_without_progress(works):
    fire_id = await promised(works, Policies(retry=Retry(pauses=Delays(spans=(s(5),)))))
    await telling(works, fire_id, 90)
    await reporting(works, fire_id, success=False)
    assert (await works.store.find_fire(fire_id)).current_progress.percent == 90
    works.receiver.says = [PROMISE]
    await works.turn(5)
    assert (await works.store.find_fire(fire_id)).current_progress is None


async def test_progress_of_an_ended_fire_is_refused_and_kept_as_a_note(works):
    fire_id = await promised(works)
    works.clock.advance(60)
    await works.engine.sweeper.run_once()
    with pytest.raises(FireEnded):
        await telling(works, fire_id, 99)
    (note,) = await works.store.list_notes(fire_id)
    assert (note.mark, note.percent, note.taken) == (Mark.LATE, 99, False)
    assert (await works.store.find_fire(fire_id)).progress is None


async def test_progress_of_an_unknown_fire_is_told(works):
    with pytest.raises(FireNotFound):
        await telling(works, "0" * 32)


async def test_progress_of_a_fire_that_nobody_was_sent_is_refused(works):
    await works.add(trigger=once(at(0.5)))
    await works.engine.planner.run_once()
    (fire,) = await works.house.fires()
    with pytest.raises(FireUnsent):
        await telling(works, fire.id)


async def test_of_many_reports_of_progress_the_first_is_noted(works):
    fire_id = await promised(works)
    for percent in (10, 20, 30):
        await telling(works, fire_id, percent)
    assert [note.percent for note in await works.store.list_notes(fire_id)] == [10]
    assert (await works.store.find_fire(fire_id)).progress.percent == 30


async def test_a_receiver_that_never_stops_does_not_fill_the_audit(works):
    fire_id = await promised(works)
    await reporting(works, fire_id)
    for _ in range(60):
        with pytest.raises(FireEnded):
            await reporting(works, fire_id)
    assert await works.house.count("audit") == 1 + 50  # the task was added


async def test_what_comes_too_late_keeps_what_it_said(works):
    fire_id = await promised(works)
    works.clock.advance(61)
    await works.engine.sweeper.run_once()
    with pytest.raises(FireEnded):
        await reporting(works, fire_id, result="3 rows")
    (note,) = await works.store.list_notes(fire_id)
    assert (note.mark, note.success, note.text, note.at) == (Mark.LATE, True, "3 rows", at(61))


async def test_what_waits_for_a_fire_waits_for_its_progress_too(works):
    queue = Policies(report_timeout=s(60), overlap=Overlap(rule=OverlapRule.QUEUE_ONE))
    fire_id = await promised(works, queue, every(50, count=2))
    await works.turn(50)
    await telling(works, fire_id, 50)
    await works.turn(59)
    await works.engine.sweeper.run_once()
    assert [state for _, state, _ in await works.house.told()] == ["waiting", "pending"]
    await works.turn(1)
    await works.engine.sweeper.run_once()
    await works.turn()
    assert [state for _, state, _ in await works.house.told()] == ["failed", "succeeded"]


@pytest.mark.parametrize("spelled", ["canary-1", "c%61nary-1"])
async def test_what_a_receiver_repeats_of_a_secret_is_not_kept(works, spelled):
    secret = SecretKey(name="shop-api")
    await works.house.secrets.put(secret, "canary-1", ALICE, works.clock.now())
    recall = HttpRecall(url="https://receiver.test/", auth=BearerAuth(secret=secret.name))
    works.receiver.says = [PROMISE]
    await works.add(trigger=once(), recall=recall)
    await works.turn()
    (fire,) = await works.house.fires()
    said = f"Bearer {spelled}"
    await telling(works, fire.id, 40, said)
    await reporting(works, fire.id, result=said)
    with pytest.raises(FireEnded):
        await reporting(works, fire.id, result=said)
    kept = [await works.store.find_fire(fire.id), *await works.store.list_notes(fire.id)]
    assert "canary" not in repr(kept) + repr(await works.house.audit())
    assert kept[0].result == kept[0].progress.text == "Bearer •••"
