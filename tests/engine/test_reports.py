"""Receivers report on what they accepted: once, in time, or too late."""

import pytest

from dispatchserver.domain.errors import FireEnded, FireNotFound
from dispatchserver.domain.reporting import Report
from tests.builders import ALICE, an_outcome, at, once
from tests.clocks import until

PROMISE = an_outcome(b'{"success": true, "asynchronized": true, "resultValue": "accepted"}')


async def promised(works):
    """The id of a fire whose receiver promised a report."""
    works.receiver.says = [PROMISE]
    await works.add(trigger=once())
    await works.turn()
    (fire,) = await works.house.fires()
    return fire.id


def reporting(works, fire_id, *, success=True, result="done"):
    return works.reports.accept(Report(fire_id=fire_id, success=success, result=result), ALICE)


@pytest.mark.parametrize(("success", "state"), [(True, "succeeded"), (False, "failed")])
async def test_a_report_decides_a_waiting_fire(works, success, state):
    fire_id = await promised(works)
    assert await works.house.told() == [(0, "waiting", None)]
    works.clock.advance(9)
    fire = await reporting(works, fire_id, success=success)
    assert (str(fire.state), fire.result, fire.finished_at) == (state, "done", at(9))
    assert await works.house.told() == [(0, state, "reported")]


async def test_a_waiting_fire_holds_no_slot(works):
    await promised(works)
    assert works.engine.crew.free == works.slots


async def test_a_report_that_overtakes_the_reply_wins(works):
    (answer,) = works.receiver.hold()
    await works.add(trigger=once())
    await works.engine.planner.run_once()
    await works.engine.dispatcher.run_once()
    await until(lambda: works.receiver.orders)
    (fire,) = await works.house.fires()
    await reporting(works, fire.id, success=False, result="broken")
    answer.set_result(PROMISE)
    await works.idle()
    assert await works.house.told() == [(0, "failed", "reported")]


async def test_a_second_report_is_refused_and_the_first_stands(works):
    fire_id = await promised(works)
    await reporting(works, fire_id, result="first")
    with pytest.raises(FireEnded):
        await reporting(works, fire_id, success=False, result="second")
    assert (await works.store.find_fire(fire_id)).result == "first"


async def test_a_report_on_an_unknown_fire_is_told(works):
    with pytest.raises(FireNotFound):
        await reporting(works, "0" * 32)


async def test_without_a_report_the_fire_fails_at_its_deadline(works):
    fire_id = await promised(works)
    assert await works.engine.sweeper.run_once() == at(3600)
    works.clock.advance(3600)
    assert await works.engine.sweeper.run_once() is None
    assert await works.house.told() == [(0, "failed", "report_timeout")]
    with pytest.raises(FireEnded):
        await reporting(works, fire_id)


async def test_a_report_in_time_needs_no_sweep_any_more(works):
    fire_id = await promised(works)
    await reporting(works, fire_id)
    assert await works.engine.sweeper.run_once() is None
