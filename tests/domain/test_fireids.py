"""Ids of fires: one for each occasion, in the order of their due times, and not to be guessed."""

from dataclasses import replace

from dispatchserver.domain.fireids import scheduled_id, shard_id
from tests.builders import a_task, at


def test_an_occasion_has_the_same_id_whenever_it_is_planned():
    assert scheduled_id(a_task(), at(1)) == scheduled_id(a_task(), at(1))


def test_every_occasion_version_task_and_shard_has_an_id_of_its_own():
    task = a_task()
    other = [a_task(name="other"), replace(task, version=2)]
    ids = {scheduled_id(each, at(n)) for each in [task, *other] for n in range(10)}
    shards = {shard_id(whole, n) for whole in ids for n in range(3)}
    assert (len(ids), len(shards), len(ids | shards)) == (30, 90, 120)
    assert {len(each) for each in ids | shards} == {32}


def test_what_is_due_later_has_the_larger_id_so_that_rows_lie_as_they_are_made():
    ids = [scheduled_id(a_task(name=f"task{n % 7}"), at(n * 0.001)) for n in range(1000)]
    assert ids == sorted(ids)
    assert [shard_id(each, 1)[:12] for each in ids] == [each[:12] for each in ids]


def test_who_knows_the_due_time_still_has_eighty_bits_to_guess():
    tails = {scheduled_id(a_task(name=f"task{n}"), at(0))[12:] for n in range(1000)}
    assert len(tails) == 1000 and {len(tail) for tail in tails} == {20}
