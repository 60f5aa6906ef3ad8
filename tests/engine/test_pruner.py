"""Old records are deleted while the server runs, and nothing that is still needed."""

from datetime import timedelta

import pytest

from dispatchserver.domain.errors import FireNotFound
from dispatchserver.domain.fire import Decision, FireState
from dispatchserver.domain.moments import to_ms
from dispatchserver.domain.planning import Plan
from dispatchserver.domain.replaying import replay
from dispatchserver.domain.reporting import Report
from dispatchserver.domain.retention import Keep, Stage
from dispatchserver.domain.task import Restart
from dispatchserver.engine.engine import EngineConfig
from dispatchserver.engine.metering import Unmetered
from dispatchserver.engine.pruner import Pruner
from dispatchserver.engine.whys import Whys
from dispatchserver.messages import say_error
from dispatchserver.stores.condition import look_over
from dispatchserver.wording.whys import say_because
from tests.builders import ALICE, UTC_ZONE, a_key, an_outcome, at, every, once
from tests.clocks import s

DAYS = timedelta(days=1)
WEEK = Keep(fires=7 * DAYS, failed=30 * DAYS, per_task=None, audit=180 * DAYS)


class Counted(Unmetered):
    """How many records each stage deleted."""

    def __init__(self):
        self.rows = dict.fromkeys(Stage, 0)

    def pruned(self, stage, rows):
        self.rows[stage] += rows


async def prune(works, keep=WEEK, rounds=1):
    """Whole rounds through all stages, by a pruner that has just begun; answers what it deleted."""
    counted = Counted()
    pruner = Pruner(works.store, works.clock, keep, counted)
    works.clock.advance(60)
    for _ in range(rounds):
        await a_round(works, pruner)
    return {str(stage): rows for stage, rows in counted.rows.items() if rows}


async def a_round(works, pruner):
    """Slice by slice, up to the minute's rest behind the last stage."""
    while (again := await pruner.run_once()) < works.clock.now() + s(60):
        works.clock.set(again)
    works.clock.set(again)


async def an_ended(works, name="task", decision=Decision.SUCCESS, trigger=None):
    """A fire of a new task that has just ended, with a second one after it, so that it is not its task's last."""
    await works.add(name, trigger or every(1, start=works.clock.now(), count=2))
    status = 200 if decision is Decision.SUCCESS else 500
    works.receiver.usually = an_outcome(b"ok" if status == 200 else b"", status=status)
    await works.turns(3, 1)
    works.receiver.usually = an_outcome(b"ok")
    return (await works.house.fires(name=name))[0]


async def names(works):
    return sorted({fire.key.name for fire in await works.house.fires()})


async def test_an_ended_fire_goes_with_its_attempts_when_it_is_old_enough(works):
    old = await an_ended(works)
    works.clock.advance(7 * DAYS - s(120))
    assert await prune(works) == {}
    works.clock.advance(s(120))
    assert await prune(works) == {"fires": 1}
    assert await works.store.find_fire(old.id) is None
    assert await works.store.list_attempts(old.id) == []
    assert await works.house.count("attempts") == 1, "its task's last one is kept"


async def test_a_failed_fire_is_kept_for_longer(works):
    dead = await an_ended(works, decision=Decision.FAILURE)
    works.clock.advance(29 * DAYS)
    assert await prune(works) == {}
    works.clock.advance(1 * DAYS)
    assert await prune(works) == {"failed": 1}
    assert await works.store.find_fire(dead.id) is None


async def test_a_task_s_last_fire_stays_however_old(works):
    await works.add("yearly", once())
    await works.turn()
    works.clock.advance(400 * DAYS)
    await prune(works, rounds=2)
    status = await works.house.find("yearly")
    assert (await works.store.find_fire(status.last_fire_id)).state is FireState.SUCCEEDED


@pytest.mark.parametrize("hold", ["paused", "pending"])
async def test_an_open_fire_stays_however_old_it_is(works, hold):
    await works.add(trigger=once(at(0.5)))
    await works.engine.planner.run_once()
    if hold == "paused":
        works.clock.advance(1)
        await works.house.pause(now=at(1))
    works.clock.advance(400 * DAYS)
    await prune(works, Keep(fires=1 * DAYS, failed=1 * DAYS, per_task=1))
    (fire,) = await works.house.fires()
    assert fire.state.open


async def test_a_replay_stays_as_long_as_the_failed_fire_that_it_repeats(works):
    """Else that one would look as if nobody had sent it again, and be sent with all others that failed."""
    dead = await an_ended(works, decision=Decision.FAILURE)

    def decide(fire, replayed):
        return replay(fire, replayed, new_id="r" * 32, now=works.clock.now())

    await works.store.replay(dead.id, decide, ALICE, works.clock.now())
    await works.turn(1)
    await works.house.delete(now=works.clock.now())
    works.clock.advance(20 * DAYS)
    assert await prune(works) == {}
    assert [fire.id for fire in await works.store.replays_of([dead.id])] == ["r" * 32]
    works.clock.advance(20 * DAYS)
    await prune(works, rounds=2)
    assert await names(works) == []


async def test_of_a_task_with_too_many_the_newest_stay_and_others_keep_theirs(works):
    await works.add("often", every(1, count=250))
    await works.add("seldom", every(50, count=5))
    await works.turns(255, 1)
    assert await prune(works, Keep(per_task=20)) == {"per_task": 230}
    often = await works.house.fires(name="often")
    assert [fire.due_at for fire in often] == [at(second) for second in range(230, 250)]
    assert len(await works.house.fires(name="seldom")) == 5


async def test_failed_ones_of_a_task_with_too_many_stay_up_to_that_number_again(works):
    await works.add("often", every(1, count=100))
    await works.turns(105, 1)
    await works.house.driver.writer.execute(
        "UPDATE fires SET state = 'failed' WHERE due_at < $1", to_ms(at(30))
    )
    await prune(works, Keep(per_task=20))
    assert len(await works.house.fires(state=FireState.FAILED)) == 20
    assert len(await works.house.fires()) == 40
    assert await prune(works, Keep(per_task=20)) == {}


async def test_an_idle_server_does_not_count_again(works):
    await works.add("often", every(1, count=100))
    await works.turns(105, 1)
    keep = Keep(per_task=50)
    first = await works.store.prune(Stage.PER_TASK, (), keep, works.clock.now())
    while first.more:
        first = await works.store.prune(Stage.PER_TASK, first.place, keep, works.clock.now())
    await works.house.driver.writer.execute("DROP TABLE attempts")
    again = await works.store.prune(Stage.PER_TASK, first.place, keep, works.clock.now())
    assert again == first


async def test_what_was_sent_is_not_sent_again_when_the_clock_is_set_back(works):
    """The next due time alone does not guard: a pause and resume goes by the clock of then."""
    await works.add("often", every(60))
    await works.turns(60, 60)
    sent = len(works.receiver.orders)
    assert (await prune(works, Keep(per_task=1)))["per_task"] > 50
    works.clock.advance(-1800)
    await works.house.pause("often", now=works.clock.now())
    await works.house.resume("often", now=works.clock.now())
    await works.turns(27, 60)
    assert len(works.receiver.orders) == sent
    await works.turns(10, 60)
    dues = works.dues
    assert len(dues) == len(set(dues)) > sent


async def test_a_new_version_goes_by_the_clock_of_its_making(works):
    await works.add("often", every(60))
    await works.turns(60, 60)
    await prune(works, Keep(per_task=1))
    works.clock.advance(-1800)
    await works.add("often", every(60, start=works.clock.now()), overwrite=True, priority=5)
    sent = len(works.receiver.orders)
    await works.turns(5, 60)
    assert len(works.receiver.orders) > sent


async def test_a_restart_goes_by_its_own_grid(house):
    await house.add(trigger=every(60))
    await house.driver.writer.execute("UPDATE tasks SET pruned_until = $1", to_ms(at(600)))
    await house.plan(at(0), ahead=0)
    assert await house.fires() == []
    (task,) = await house.store.due_tasks(at(60), 10)
    restarted = Restart(at=at(61), count=None)
    await house.store.record_plans(
        [Plan(task=task, fires=(), next_fire_at=at(61), restart=restarted)]
    )
    await house.plan(at(61), ahead=0)
    assert [fire.due_at for fire in await house.fires()] == [at(61)]


async def test_a_report_of_a_fire_that_is_gone_is_refused_with_what_may_have_become_of_it(works):
    old = await an_ended(works)
    works.clock.advance(8 * DAYS)
    await prune(works)
    with pytest.raises(FireNotFound) as refused:
        await works.reports.accept(Report(fire_id=old.id, success=True, result=None), ALICE)
    assert "may have been pruned" in say_error("en", refused.value)


async def test_versions_go_that_no_task_and_no_fire_refers_to(works):
    await works.add("often", every(60))
    for n in range(5):
        await works.add("often", every(60), overwrite=True, priority=n)
    await works.turns(3, 60)
    await works.add("often", every(60), overwrite=True, priority=99)
    await works.add("never", once(at(900 * 86_400)))
    await works.house.delete("never", now=works.clock.now())
    assert await works.house.count("task_versions") == 8
    works.clock.advance(1 * DAYS)
    assert await prune(works) == {}
    works.clock.advance(6 * DAYS)
    gone = await prune(works, Keep(fires=7 * DAYS))
    assert gone["versions"] == 6, "the current one stays, and that of the task's last fire"
    assert None not in await works.store.find_recalls(await works.house.fires())


@pytest.mark.parametrize("again", [False, True])
async def test_versions_of_a_task_that_is_gone_stay_as_long_as_a_fire_refers_to_them(works, again):
    failed = await an_ended(works, decision=Decision.FAILURE)
    await works.add("task", every(60), overwrite=True, priority=7)
    await works.house.delete("task", now=works.clock.now())
    if again:
        await works.add("task", once(at(900 * 86_400)))
    works.clock.advance(8 * DAYS)
    gone = await prune(works)
    assert gone["versions"] == 1, "that of no fire"
    assert (await works.store.find_recalls([failed]))[0] is not None
    works.clock.advance(30 * DAYS)
    await prune(works, rounds=2)
    assert await works.house.count("task_versions") == int(again)


async def test_why_says_of_a_time_that_is_not_on_record_any_more_that_it_is_not(works):
    await works.add("often", every(60))
    await works.turns(3, 60)
    await works.add("often", every(120), overwrite=True)
    await works.turns(3, 60)
    works.clock.advance(8 * DAYS)
    await works.turns(2, 60)
    await prune(works, Keep(), rounds=2)
    whys = Whys(works.store, works.store, None, works.clock)
    told = {}
    for minute in (1, 4):
        because = (await whys.why(a_key("often"), at(60 * minute))).because
        told[minute] = (because.code, say_because(because, UTC_ZONE, "en"))
    assert told[1][0] == "version_gone" and "not on record any more" in told[1][1]
    assert told[4][0] == "no_record" and "cleaned up" in told[4][1]


async def test_the_audit_is_kept_for_its_own_time(works):
    await works.add("early", once(at(86_400)))
    works.clock.advance(100 * DAYS)
    await works.add("late", once(at(200 * 86_400)))
    works.clock.advance(81 * DAYS)
    await prune(works)
    assert [action for action, _ in await works.house.audit()] == ["added"]


async def test_counters_do_not_go_down(works):
    await works.add("often", every(1, count=50))
    await works.turns(55, 1)
    before = await works.store.figures(works.clock.now())
    await prune(works, Keep(per_task=1))
    assert (await works.store.figures(works.clock.now())).ended == before.ended
    status = await works.house.find("often")
    assert (status.succeeded, len(await works.house.fires())) == (50, 1)


async def test_with_nothing_to_delete_for_ever_it_never_looks(works):
    keep = Keep(fires=None, failed=None, per_task=None, audit=None)
    assert await Pruner(works.store, works.clock, keep, Unmetered()).run_once() is None


async def test_through_weeks_the_file_stays_of_one_size_and_sound(works, tmp_path):
    """Each simulated day makes as many fires as the one before."""
    config = EngineConfig(node="node", slots=4, limits=works.limits, keep=Keep(fires=2 * DAYS))
    pruner = Pruner(works.store, works.clock, config.keep, Unmetered())
    for name in range(4):
        await works.add(f"task{name}", every(2400))
    pages = []
    for _ in range(21):
        await works.turns(36, 2400)
        await a_round(works, pruner)
        await works.house.driver.writer.execute("PRAGMA wal_checkpoint")
        (row,) = await works.house.driver.writer.fetch("PRAGMA page_count")
        pages.append(row["page_count"])
    assert len(works.receiver.orders) >= 4 * 36 * 20
    assert await works.house.count("fires") <= 4 * 36 * 4
    assert pages[-1] <= max(pages[:6]) * 1.1, pages
    condition = look_over(tmp_path / "house.db", works.clock.now())
    assert (condition.damage, set(condition.strays.values())) == ([], {0})
