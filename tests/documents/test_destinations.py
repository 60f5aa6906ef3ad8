"""Limits of destinations as documents: what is read, and what is refused with which words."""

import pytest

from dispatchserver.documents.destinations import (
    destination_settings_doc,
    read_destination_name,
    read_destination_settings,
)
from dispatchserver.domain.destination import Allowance
from dispatchserver.domain.destinationspec import DestinationSpec
from dispatchserver.domain.errors import Refused
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.rate import read_rate


def read(values):
    faults = Faults()
    spec = read_destination_settings(values, faults)
    faults.raise_if_any()
    return spec


def refused(values):
    with pytest.raises(Refused) as found:
        read(values)
    return [(fault.field, fault.code) for fault in found.value.faults]


@pytest.mark.parametrize(
    "doc",
    [
        {},
        {"slots": 16},
        {"rate": "20/s", "burst": 5},
        {"slots": 1, "rate": "600/m", "burst": 1, "paused": True},
    ],
)
def test_limits_are_shown_as_they_are_read(doc):
    assert destination_settings_doc(read(doc)) == doc


@pytest.mark.parametrize("nothing", [None, ""])
def test_what_is_left_out_is_the_servers(nothing):
    usual = Allowance(slots=7, rate=read_rate("5/s"))
    values = dict.fromkeys(("slots", "rate", "burst", "paused"), nothing)
    assert read(values) == DestinationSpec()
    assert read(values).allowance(usual) == usual


def test_what_is_said_takes_the_place_of_the_servers():
    usual = Allowance(slots=7, rate=read_rate("5/s", 9))
    said = read({"slots": "3", "rate": "20/s", "paused": "1"}).allowance(usual)
    assert said == Allowance(slots=3, rate=read_rate("20/s", 1), paused=True)


@pytest.mark.parametrize("slots", [0, -3, 10_001])
def test_slots_beyond_their_bounds_are_refused(slots):
    assert refused({"slots": slots}) == [("slots", "fault.range")]


@pytest.mark.parametrize("rate", ["0/s", "-1/s", "20", 20, "20/d", "fast", "1000001/s", "2.5/s"])
def test_what_is_no_rate_is_refused(rate):
    assert refused({"rate": rate}) == [("rate", "destination.rate")]


@pytest.mark.parametrize(
    ("doc", "faults"),
    [
        ({"slots": 1.5}, [("slots", "field.integer")]),
        ({"slots": True}, [("slots", "field.integer")]),
        ({"burst": 5}, [("burst", "destination.burst")]),
        ({"rate": "20/s", "burst": 0}, [("burst", "fault.range")]),
        ({"rate": "0/s", "burst": 5}, [("rate", "destination.rate")]),
        ({"paused": "maybe"}, [("paused", "field.boolean")]),
        ({"slot": 1}, [("slot", "field.unknown")]),
        (
            {"slots": 0, "rate": "x", "tokens": 1},
            [("slots", "fault.range"), ("rate", "destination.rate"), ("tokens", "field.unknown")],
        ),
    ],
)
def test_every_fault_is_named(doc, faults):
    assert refused(doc) == faults


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (" Api.Example.com:0443 ", "api.example.com:443"),
        ("[::1]:8080", "[::1]:8080"),
        ("10.0.0.7:9", "10.0.0.7:9"),
        ("bücher.example:80", "bücher.example:80"),
    ],
)
def test_a_destination_is_named_by_host_and_port(text, name):
    assert read_destination_name("name", text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host",
        "host:",
        ":80",
        "host:0",
        "host:65536",
        "::1:80",
        "http://host:80",
        "host:80/x",
        "u@host:80",
        "a b:80",
        "a\x00:80",
        "host:８０",
        "h" * 300 + ":80",
    ],
)
def test_what_names_no_destination_is_refused(text):
    with pytest.raises(Refused) as found:
        read_destination_name("name", text)
    assert [(fault.field, fault.code) for fault in found.value.faults] == [
        ("name", "destination.name")
    ]
