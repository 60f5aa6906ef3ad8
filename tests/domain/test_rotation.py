"""Which keys a group has after a rotation or a retirement."""

from datetime import timedelta

import pytest

from dispatchserver.domain.errors import (
    Invalid,
    SigningKeyNotFound,
    SigningKeysChanged,
    SigningKeysFull,
)
from dispatchserver.domain.signing import Rotation, SigningKey, key_text, retired, rotated
from tests.builders import NOON, at


def a_key(key_id, since=NOON, until=None):
    return SigningKey(id=key_id, key=key_text(key_id[:1].encode() * 32), since=since, until=until)


def rotate(*standing, fresh=None, **asked):
    fresh = fresh or a_key("fresh", at(10))
    return [(key.id, key.until) for key in rotated("group", fresh, Rotation(**asked))(standing)]


@pytest.mark.parametrize(
    ("keep", "until"),
    [(timedelta(hours=1), at(10 + 3600)), (None, None), (timedelta(hours=24), at(10 + 86_400))],
)
def test_the_new_key_comes_first_and_the_former_lives_as_long_as_asked(keep, until):
    assert rotate(a_key("old"), keep=keep) == [("fresh", None), ("old", until)]


def test_the_former_key_is_kept_for_a_day_where_nothing_is_said():
    assert rotate(a_key("old")) == [("fresh", None), ("old", at(10, days=1))]


def test_the_first_key_has_no_former():
    assert rotate() == [("fresh", None)]


def test_a_third_key_is_refused_and_the_one_to_retire_named():
    with pytest.raises(SigningKeysFull) as told:
        rotate(a_key("new", at(5)), a_key("old", until=at(99)))
    assert told.value.params == {"group": "group", "former": "old"}


def test_a_leaked_key_can_be_replaced_at_once_also_while_two_live():
    now = timedelta(0)
    assert rotate(a_key("old"), keep=now) == [("fresh", None)]
    assert rotate(a_key("new", at(5)), a_key("old"), keep=now) == [("fresh", None)]


@pytest.mark.parametrize("standing", [[a_key("old")], [a_key("new", at(5)), a_key("old")]])
def test_a_key_that_the_group_has_already_is_refused(standing):
    with pytest.raises(Invalid) as told:
        rotate(*standing, fresh=a_key("old again", at(10)), keep=timedelta(0))
    assert told.value.code == "signing.same"


@pytest.mark.parametrize(
    ("standing", "seen"), [([a_key("old")], ""), ([a_key("old")], "x"), ([], "x")]
)
def test_who_saw_other_keys_makes_none(standing, seen):
    with pytest.raises(SigningKeysChanged):
        rotate(*standing, seen=seen)


def test_who_saw_the_keys_that_stand_makes_one():
    assert rotate(seen="")[0] == ("fresh", None)
    assert rotate(a_key("old"), seen="old")[0] == ("fresh", None)


def test_the_new_key_is_the_newest_also_by_a_clock_that_was_set_back():
    decide = rotated("group", a_key("fresh", at(-60)), Rotation())
    new, old = decide([a_key("old")])
    assert new.since > old.since


def test_a_retired_former_key_leaves_the_newest():
    new, old = a_key("new", at(5)), a_key("old", until=at(99))
    assert retired("group", "old")([new, old]) == [new]


def test_where_the_newest_is_retired_the_former_stays_for_good():
    new, old = a_key("new", at(5)), a_key("old", until=at(99))
    assert retired("group", "new")([new, old]) == [a_key("old")]


def test_the_last_key_can_be_retired():
    assert retired("group", "old")([a_key("old")]) == []


def test_an_unknown_key_is_not_found_and_those_that_live_are_named():
    with pytest.raises(SigningKeyNotFound) as told:
        retired("group", "x")([a_key("new"), a_key("old")])
    assert told.value.params == {"group": "group", "id": "x", "live": "new, old"}
