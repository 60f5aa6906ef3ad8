"""Every trigger shape as REST shows it."""

import json

import pytest

from dispatchserver.documents.triggers import trigger_doc
from tests.shapes import SHAPES

BERLIN = {"zone": "Europe/Berlin"}
DOCS = {
    "once": {"kind": "simple", "start": "2026-03-04T12:00:05Z", "interval_s": None, "count": 1},
    "counted": {"kind": "simple", "interval_s": 0.01, "count": 3, "end": "2026-03-04T12:00:06Z"},
    "cron": {"kind": "cron", "expression": "0/7 * * ? * MON-FRI", "dialect": "quartz"} | BERLIN,
    "unix": {"kind": "cron", "expression": "*/5 8-17 1,15 * 1-5", "dialect": "unix", "dst": "skip"},
    "window": {
        "kind": "window",
        "days": {"unit": "week", "every": 2, "weekdays": [1, 3, 7]},
        "opens": "08:00:00",
        "closes": "17:00:00",
        "every_s": 300.0,
        "dst": "literal",
    },
    "once a day": {
        "days": {"unit": "month", "every": 3, "days": [0, 1, 31]},
        "closes": None,
        "every_s": None,
    },
    "over midnight": {"opens": "22:00:30", "closes": "02:00:00", "every_s": 5400.0},
    "days": {"kind": "days", "days": 3, "at": "09:00:00", "first_date": "2026-03-05"},
    "delay": {"kind": "delay", "start": "2026-03-04T12:00:00Z", "delay_s": 0.5},
    "union": {"kind": "union", "zone": "UTC", "start": None, "end": None},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_shown_with_all_that_it_says(shape):
    doc = json.loads(json.dumps(trigger_doc(SHAPES[shape])))
    assert DOCS[shape] == {key: doc[key] for key in DOCS[shape]}


def test_the_lines_of_a_union_are_shown_as_each_would_be_alone():
    doc = trigger_doc(SHAPES["union"])
    assert doc["lines"] == [trigger_doc(line) for line in SHAPES["union"].lines]
