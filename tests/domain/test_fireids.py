"""Ids of fires: one for each occasion, in the order of their due times and tasks, and not to be guessed."""

import os
from dataclasses import replace

from dispatchserver.domain.fireids import scheduled_id, shard_id
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.engine.ids import ids
from tests.builders import NOON, a_task, at
from tests.clocks import ManualClock


def test_an_occasion_has_the_same_id_whenever_it_is_planned():
    assert scheduled_id(a_task(), at(1)) == scheduled_id(a_task(), at(1))


def test_every_occasion_version_task_and_shard_has_an_id_of_its_own():
    task = a_task()
    other = [a_task(name="other"), replace(task, version=2)]
    made = {scheduled_id(each, at(n)) for each in [task, *other] for n in range(10)}
    shards = {shard_id(whole, n) for whole in made for n in range(3)}
    assert (len(made), len(shards), len(made | shards)) == (30, 90, 120)
    assert {len(each) for each in made | shards} == {32}


def test_what_is_due_later_has_the_larger_id_and_so_has_what_is_due_together_of_a_later_task():
    found = [scheduled_id(made_at(16 * (n % 64)), at(n // 64 * 0.064)) for n in range(1000)]
    assert found == sorted(found)
    assert [shard_id(each, 1)[:14] for each in found] == [each[:14] for each in found]


def test_who_knows_the_due_time_and_the_task_still_has_72_bits_to_guess():
    tails = {scheduled_id(made_at(0), at(0))[14:] for _ in range(1000)}
    assert len(tails) == 1000 and {len(tail) for tail in tails} == {18}


def made_at(ms):
    """A task as the server makes one, so many milliseconds after noon."""
    clock = ManualClock(NOON + ms * MILLISECOND)
    return replace(a_task(), id=ids(clock.now, os.urandom)())
