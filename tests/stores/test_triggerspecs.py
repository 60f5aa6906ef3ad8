"""Every trigger is kept as JSON to the letter."""

import pytest
from hypothesis import given, settings

from dispatchserver.stores.triggerspecs import read_trigger, trigger_json
from tests.builders import cron
from tests.shapes import SHAPES, any_trigger, unix


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_comes_back_as_it_was(shape):
    assert read_trigger(trigger_json(SHAPES[shape])) == SHAPES[shape]


@settings(max_examples=300, deadline=None)
@given(any_trigger)
def test_any_trigger_comes_back_as_it_was(trigger):
    assert read_trigger(trigger_json(trigger)) == trigger


def test_the_grammar_of_an_expression_is_kept():
    assert read_trigger(trigger_json(unix("@daily"))).dialect == "unix"
    assert read_trigger(trigger_json(cron("0 0 0 * * ?"))).dialect == "quartz"
