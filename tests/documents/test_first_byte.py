"""`firstByteTimeout` among a task's policies: what is refused, and in which words."""

from datetime import timedelta

import pytest

from dispatchserver.documents.policies import read_policies
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader
from dispatchserver.messages import say_fault


def read(doc):
    faults = Faults()
    found = read_policies(FieldReader({"policies": doc}, faults), None)
    return found, [say_fault("en", fault) for fault in faults._found]


@pytest.mark.parametrize("total", ["10s", None])
def test_it_may_be_as_long_as_the_whole_call(total):
    found, faults = read({"firstByteTimeout": "10s", "timeout": total})
    assert (found.first_byte_timeout, faults) == (timedelta(seconds=10), [])


@pytest.mark.parametrize(
    ("doc", "words"),
    [
        (
            {"firstByteTimeout": "11s", "timeout": "10s"},
            "policies.firstByteTimeout: must not be longer than the whole call may take, 10 s (sent: 11s)",
        ),
        ({"firstByteTimeout": -1}, "policies.firstByteTimeout: must be a duration"),
        ({"firstByteTimeout": "10ms"}, "must be at least 0.05 and at most 3600 seconds"),
        ({"firstByteTimeout": "2h"}, "must be at least 0.05 and at most 3600 seconds"),
        ({"firstByteTimeout": True}, "policies.firstByteTimeout: must be a duration"),
    ],
)
def test_a_faulty_one_is_told_with_what_is_allowed(doc, words):
    _, faults = read(doc)
    assert len(faults) == 1
    assert words in faults[0]
