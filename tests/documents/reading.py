"""Reads documents as a door does: every fault of one document at once."""

import json
from zoneinfo import ZoneInfo

import pytest

from dispatchserver.documents.reading import Basis
from dispatchserver.domain.errors import Refused
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader
from tests.builders import NOON

BASIS = Basis(now=NOON, zone=ZoneInfo("Asia/Shanghai"))


def read(reading, name, doc):
    """What `reading` makes of the document as it arrives under this name; raises Refused."""
    faults = Faults()
    top = FieldReader({name: through_json(doc)}, faults)
    found = reading(top.inside(name))
    top.refuse_unread()
    faults.raise_if_any()
    return found


def through_json(doc):
    """The document as the other side gets it."""
    return json.loads(json.dumps(doc))


def refused(reading, name, doc):
    """The fields at fault, with the codes of their faults."""
    with pytest.raises(Refused) as caught:
        read(reading, name, doc)
    return {fault.field: fault.code for fault in caught.value.faults}
