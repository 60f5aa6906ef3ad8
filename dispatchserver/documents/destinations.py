"""The limits of a destination, as JSON that doors share. Pure."""

from collections.abc import Mapping

from dispatchserver.documents.triggers import Doc
from dispatchserver.domain.destination import check_slots
from dispatchserver.domain.destinationspec import DestinationSpec, check_destination
from dispatchserver.domain.errors import Fault, Invalid, Refused
from dispatchserver.domain.excerpts import excerpt
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader, as_boolean, as_integer, as_text
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.rate import Rate, check_burst, rate_text, read_rate


def destination_settings_doc(spec: DestinationSpec) -> Doc:
    """What was set, and nothing else: the rest is the server's."""
    doc: Doc = {}
    if spec.slots is not None:
        doc["slots"] = spec.slots
    if spec.rate is not None:
        doc |= {"rate": rate_text(spec.rate), "burst": spec.rate.burst}
    return doc | {"paused": True} if spec.paused else doc


def read_destination_settings(values: Mapping[str, JsonValue], faults: Faults) -> DestinationSpec:
    """The limits that stand under these names; what is absent, null or empty is left to the server."""
    reader = FieldReader(values, faults)
    spec = DestinationSpec(
        slots=reader.take("slots", lambda value: check_slots(as_integer(value)), None),
        rate=_read_rate(reader),
        paused=reader.take("paused", as_boolean, False),
    )
    reader.refuse_unread()
    return spec


def read_destination_name(field: str, text: str) -> str:
    """The name of a destination that stands under this field; raises Refused."""
    try:
        return check_destination(text)
    except Invalid as invalid:
        fault = Fault(field=field, code=invalid.code, params=invalid.params, sent=excerpt(text))
        raise Refused([fault]) from invalid


def _read_rate(reader: FieldReader) -> Rate | None:
    rate = reader.take("rate", lambda value: read_rate(as_text(value)), None)
    burst = reader.take("burst", lambda value: check_burst(as_integer(value)), None)
    if rate is None:
        if burst is not None and not reader.has("rate"):
            reader.refuse("burst", "destination.burst")
        return None
    return Rate(calls=rate.calls, per=rate.per, burst=burst or 1)
