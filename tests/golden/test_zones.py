"""Names of time zones as Java takes them: the same offsets here, or refused.

Java reads a name that it does not know as GMT, without a word; we refuse it. We refuse by choice what Java knows
but people mean differently, or what is no place: its short names such as CST (Chicago), and GMT+8. The refusal names
the zones that were probably meant.
"""

from datetime import UTC, datetime
from zoneinfo import available_timezones

import pytest

from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.trigger import find_zone
from dispatchserver.domain.zonehints import SHORT_NAMES
from tests.golden.conftest import Agree
from tests.golden.vectors import Vector, vectors

MONTHS = {"offset_jan_s": 1, "offset_jul_s": 7}
UNKNOWN = "GMT"


def offset(name: str, month: int) -> float | None:
    moment = datetime(2026, month, 15, tzinfo=UTC).astimezone(find_zone(name))
    span = moment.utcoffset()
    return None if span is None else span.total_seconds()


def is_refused_by_choice(name: str) -> bool:
    return name in SHORT_NAMES or name.startswith(("GMT+", "GMT-"))


def zone_difference(vector: Vector) -> str | None:
    name = vector["name"]
    refused = is_refused_by_choice(name) or (vector["java_id"] == UNKNOWN and name != UNKNOWN)
    try:
        found = {key: offset(name, month) for key, month in MONTHS.items()}
    except Invalid:
        return None if refused else "refused"
    if refused:
        return "accepted"
    return None if all(vector[key] == at for key, at in found.items()) else str(found)


def test_every_name_has_javas_offsets_or_is_refused(agree: Agree) -> None:
    known = [vector["name"] for vector in vectors("tz") if vector["java_id"] != UNKNOWN]
    chosen = sum(map(is_refused_by_choice, known))
    what = f"time zone names mean what they mean in Java, or are refused ({chosen} by choice)"
    agree(what, vectors("tz"), zone_difference)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("CST", "Asia/Shanghai, America/Chicago"),
        ("bst", "Europe/London, Asia/Dhaka"),
        ("GMT+8", "Asia/Shanghai, Etc/GMT-8"),
        ("UTC+08:00", "Asia/Shanghai, Etc/GMT-8"),
        ("+08:00", "Asia/Shanghai, Etc/GMT-8"),
        ("-0500", "Etc/GMT+5"),
        ("UTC+0", "UTC"),
        ("Z", "UTC"),
        ("asia/shanghai", "Asia/Shanghai"),
        ("Shanghai", "Asia/Shanghai"),
        ("GMT+24", "Asia/Shanghai, UTC"),
        ("GMT+8:5", "Asia/Shanghai, UTC"),
        ("", "Asia/Shanghai, UTC"),
    ],
)
def test_a_refusal_names_what_was_probably_meant(name: str, nearest: str) -> None:
    with pytest.raises(Invalid) as caught:
        find_zone(name)
    assert str(caught.value.params["nearest"]).startswith(nearest.split(", ")[0])
    assert set(nearest.split(", ")) <= set(str(caught.value.params["nearest"]).split(", "))


def test_every_zone_named_in_a_refusal_exists() -> None:
    named = {zone for zones in SHORT_NAMES.values() for zone in zones}
    assert named <= available_timezones()
