"""Expressions made to be dear: reading one and looking for its next fire takes little work, whatever it says."""

import sys
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchserver.domain import cron
from dispatchserver.domain.cron import CronExpression
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.trigger import CronTrigger
from dispatchserver.domain.triggers import upcoming
from dispatchserver.domain.uniontrigger import LINES_LIMIT, UnionTrigger
from tests.abuses import CRON_BOMBS, LONG_CRON_BOMBS
from tests.builders import NOON

ZONE = ZoneInfo("America/New_York")
MOST = 10_000  # calls of functions, which is a few milliseconds


def calls_of(act):
    """How many functions are called by this, and what it answers, or what it was refused for."""
    calls = 0

    def count(frame, event, _):
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        answer = act()
    except Invalid as invalid:
        answer = invalid.code
    finally:
        sys.setprofile(before)
    return answer, calls


def work(expression):
    """What it takes to read it and to find five fires; and what it was refused for, if it was."""
    cron._parse.cache_clear()

    def look():
        parsed = CronExpression.parse(expression)
        return upcoming(CronTrigger(expression=parsed, zone=ZONE), NOON, 5)

    answer, calls = calls_of(look)
    return calls, answer


@pytest.mark.parametrize("bomb", CRON_BOMBS)
def test_a_bomb_of_256_characters_takes_little_work(bomb):
    assert len(bomb) <= cron.LENGTH_LIMIT
    assert work(bomb)[0] < MOST


@pytest.mark.parametrize("bomb", LONG_CRON_BOMBS)
def test_a_longer_one_is_refused_unread(bomb):
    calls, code = work(bomb)
    assert (code, calls < 20) == ("cron.too_long", True)


PIECES = [
    "*",
    "?",
    "L",
    "W",
    "#",
    "/",
    "-",
    ",",
    "LW",
    "SUN",
    "FEB",
    "2#5",
    "31",
    "30",
    "29",
    "2",
    "59",
]
PIECES += [" ", " ", " ", "0", "1", "2999", "1970", "H", "@"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=90).map(lambda parts: "".join(parts)[:256]))
def test_no_text_of_the_grammar_s_own_pieces_takes_much_work(text):
    assert work(text)[0] < MOST


def test_twenty_bombs_in_one_trigger_take_twenty_times_the_work_of_one():
    parsed = CronExpression.parse("0 0 0 31 2,4,6,9,11 ?")
    union = UnionTrigger(lines=(CronTrigger(expression=parsed, zone=ZONE),) * LINES_LIMIT)
    found, calls = calls_of(lambda: upcoming(union, NOON, 5))
    assert (list(found), calls < LINES_LIMIT * MOST) == ([], True)
