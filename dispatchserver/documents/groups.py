"""What a group says, as JSON that doors share. Pure."""

from collections.abc import Mapping

from dispatchserver.documents.policies import policy_defaults_doc, read_policy_defaults
from dispatchserver.documents.reading import read_zone
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader, as_text
from dispatchserver.domain.group import GroupSpec
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.task import check_note

SETTINGS = ("zone", "note", "policies")


def group_settings_doc(spec: GroupSpec) -> dict[str, JsonValue]:
    """The settings; a zone that is null, and policies that are not there, are the server's."""
    return {
        "zone": None if spec.zone is None else spec.zone.key,
        "note": spec.note,
        "policies": policy_defaults_doc(spec.policies),
    }


def read_group_settings(values: Mapping[str, JsonValue], faults: Faults) -> GroupSpec:
    """The settings that stand under these names; what is absent, null or empty is left to the server."""
    reader = FieldReader(values, faults)
    return GroupSpec(
        zone=reader.take("zone", read_zone, None),
        note=reader.take("note", lambda value: check_note(as_text(value)), ""),
        policies=read_policy_defaults(reader),
    )
