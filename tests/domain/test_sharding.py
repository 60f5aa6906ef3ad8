"""A broadcast: one occasion, a fire for each address; and what it cannot stand beside."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dispatchserver.domain.changing import Action, Addition, add, trigger_now
from dispatchserver.domain.concurrency import ConcurrencyKey, Overlap, OverlapRule
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fire import FireState, Turn
from dispatchserver.domain.misfirepolicy import SkipMissed
from dispatchserver.domain.planning import plan
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.replaying import replay
from dispatchserver.domain.route import Route, RouteRule
from dispatchserver.domain.sharding import check_broadcast
from dispatchserver.domain.task import Policies
from dispatchserver.engine.headers import render_headers
from tests.builders import NOON, RECALL, a_key, a_spec, a_task, at, every, once
from tests.shapes import after_runs

EVERYWHERE = HttpRecall(
    url="http://r0.test/",
    also=("http://r1.test/", "http://r2.test/"),
    route=Route(rule=RouteRule.BROADCAST),
)
SKIP = Policies(overlap=Overlap(rule=OverlapRule.SKIP))


def shards(fires):
    return [(fire.shard, fire.shards) for fire in fires]


def test_an_occasion_makes_a_fire_for_each_address_with_an_id_of_its_own():
    planned = plan(a_task(every(60), recall=EVERYWHERE), NOON, at(60))
    assert shards(planned.fires) == [(0, 3), (1, 3), (2, 3)] * 2
    assert len({fire.id for fire in planned.fires}) == 6
    assert [fire.due_at for fire in planned.fires] == [NOON] * 3 + [at(60)] * 3
    assert planned == plan(a_task(every(60), recall=EVERYWHERE), NOON, at(60))


def test_a_plan_takes_in_fewer_occasions_of_a_broadcast():
    planned = plan(a_task(every(1), recall=EVERYWHERE), NOON, at(3_600))
    assert len(planned.fires) == 198
    assert planned.next_fire_at == at(66)


def test_what_one_fire_stands_for_is_told_by_one_of_the_shards():
    late = plan(a_task(every(60), recall=EVERYWHERE), at(600), at(600))
    assert [fire.missed is not None for fire in late.fires] == [True, False, False]
    skipping = Policies(misfire=SkipMissed())
    skipped = plan(a_task(every(60), recall=EVERYWHERE, policies=skipping), at(600), at(600))
    assert [(fire.state, fire.shards) for fire in skipped.fires] == [(FireState.SKIPPED, 1)]


def test_run_by_hand_it_calls_all_as_well():
    task = a_task(once(), recall=EVERYWHERE)
    change = trigger_now(a_key(), new_id="m" * 32, now=NOON, data_json='{"a": 2}')(task)
    assert change.action is Action.TRIGGERED
    assert shards(change.fires) == [(0, 3), (1, 3), (2, 3)]
    assert {fire.data_json for fire in change.fires} == {'{"a": 2}'}
    assert len({fire.id for fire in change.fires}) == 3


def test_a_shard_sent_once_more_stays_that_shard():
    (_, fire, _) = plan(a_task(once(), recall=EVERYWHERE), NOON, NOON).fires
    repeated = replay(replace(fire, state=FireState.FAILED), False, new_id="r" * 32, now=at(5))
    assert (repeated.shard, repeated.shards, repeated.replay_of) == (1, 3, fire.id)


def test_each_shard_asks_for_the_key_itself_and_none_waits_for_its_task():
    policies = Policies(overlap=SKIP.overlap, concurrency=ConcurrencyKey(name="database", limit=1))
    planned = plan(a_task(once(), recall=EVERYWHERE, policies=policies), NOON, NOON)
    assert {(fire.turn, fire.serial, fire.key_name) for fire in planned.fires} == {
        (Turn.ASKS_KEY, False, "database")
    }


@pytest.mark.parametrize("rule", [rule for rule in OverlapRule if rule is not OverlapRule.ALLOW])
def test_it_is_refused_beside_a_rule_that_wants_one_run_at_a_time(rule):
    spec = a_spec(recall=EVERYWHERE, policies=Policies(overlap=Overlap(rule=rule)))
    addition = Addition(key=a_key(), spec=spec, at=NOON)
    with pytest.raises(Invalid, match=r"route\.broadcast_overlap"):
        add(addition, new_id="x")(None)


def test_it_is_refused_beside_a_delay_that_counts_from_the_end_of_a_run():
    with pytest.raises(Invalid, match=r"route\.broadcast_delay"):
        check_broadcast(a_spec(after_runs(600), recall=EVERYWHERE))


def test_other_routes_and_single_addresses_stand_beside_everything():
    in_turn = HttpRecall(url=EVERYWHERE.url, also=EVERYWHERE.also)
    for recall in (RECALL, in_turn):
        check_broadcast(a_spec(after_runs(600), recall=recall, policies=SKIP))


def test_headers_name_the_shard_of_a_broadcast_and_of_nothing_else():
    (first, *_, last) = plan(a_task(once(), recall=EVERYWHERE), NOON, NOON).fires
    assert "X-Dispatch-Shard-Index: 2\r\nX-Dispatch-Shard-Total: 3\r\n" in render_headers(
        last, NOON
    )
    assert "X-Dispatch-Shard-Index: 0\r\n" in render_headers(first, NOON)
    (alone,) = plan(a_task(once()), NOON, NOON + timedelta(0)).fires
    assert "Shard" not in render_headers(alone, NOON)
