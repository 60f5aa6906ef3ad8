"""How loosely typed values of any wire are read."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import pytest

from dispatchserver.domain import fields
from dispatchserver.domain.errors import Invalid, Refused
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
NINE = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
NINE_MS = 1_795_309_200_000


class Colour(StrEnum):
    RED = "red"
    GREEN = "Green"


@pytest.mark.parametrize(
    "sent",
    [
        "2026-11-22 09:00",
        "2026-11-22 09:00:00",
        "2026-11-22 09:00:00.000",
        "  2026-11-22 09:00:00  ",
        "2026-11-22T09:00",
        "2026-11-22T09:00:00",
        "2026-11-22T01:00:00Z",
        "2026-11-22T01:00:00.000Z",
        "2026-11-22T09:00:00+08:00",
        "2026-11-22 01:00:00+00:00",
        "20261122T010000Z",
        NINE_MS,
        str(NINE_MS),
        f" {NINE_MS} ",
        float(NINE_MS),
    ],
)
def test_one_moment_can_be_written_in_many_ways(sent):
    assert fields.as_moment(sent, SHANGHAI) == NINE


def test_a_date_alone_is_its_midnight_in_the_zone():
    midnight = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
    assert fields.as_moment("2026-11-22", SHANGHAI) == midnight


def test_moments_are_cut_to_the_millisecond():
    moment = fields.as_moment("2026-11-22 09:00:00.123999", SHANGHAI)
    assert moment == NINE + timedelta(milliseconds=123)


@pytest.mark.parametrize("sent", [None, ""])
def test_nothing_is_no_moment(sent):
    assert fields.as_moment(sent, SHANGHAI) is None


@pytest.mark.parametrize(
    ("sent", "utc"),
    [
        ("2026-03-29 02:30", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # left out in Berlin
        ("2026-10-25 02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # shown twice: the first
    ],
)
def test_local_times_of_a_clock_change_are_read_all_the_same(sent, utc):
    assert fields.as_moment(sent, BERLIN) == utc


@pytest.mark.parametrize(
    "sent",
    [
        "yesterday",
        "2026-13-01",
        "2026-02-30 10:00",
        "2026-11-22 25:00",
        "22/11/2026",
        "09:00",
        "1",
        "0001-01-01T00:00:00+14:00",
        "0001-01-01 00:00",
        True,
        False,
        [],
        {},
        1.5,
        10**30,
        1e300,
        "9" * 15,
        "99999999-01-01",
    ],
)
def test_what_is_no_moment_is_refused(sent):
    with pytest.raises(Invalid, match=r"field\.(moment|integer)"):
        fields.as_moment(sent, SHANGHAI)


@pytest.mark.parametrize("sent", [-1, "1969-12-31T23:59:59Z", "3000-01-01T00:00:00Z", 10**14])
def test_moments_before_1970_or_after_2999_are_refused(sent):
    with pytest.raises(Invalid, match=r"field\.moment_range"):
        fields.as_moment(sent, SHANGHAI)


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ("300ms", 0.3),
        ("5s", 5),
        ("5m", 300),
        ("1h", 3600),
        ("2d", 172_800),
        ("1.5h", 5400),
        ("5 ".strip(), 5),
        (" 5S ", 5),
        ("0", 0),
        (7, 7),
        (0.25, 0.25),
    ],
)
def test_durations_are_seconds_or_carry_a_unit(sent, seconds):
    assert fields.as_duration(sent) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "sent",
    ["", "5 s", "-5s", "1w", "5x", "1e3", "nan", "٣s", True, None, [], -1, 1e300, "9" * 12 + "d"],
)
def test_what_is_no_duration_is_refused(sent):
    with pytest.raises(Invalid, match=r"field\.duration"):
        fields.as_duration(sent)


@pytest.mark.parametrize("sent", [True, "true", "TRUE", " True ", 1, "1"])
def test_true_has_several_spellings(sent):
    assert fields.as_boolean(sent) is True


@pytest.mark.parametrize("sent", [False, "false", "False", 0, "0"])
def test_false_has_several_spellings(sent):
    assert fields.as_boolean(sent) is False


@pytest.mark.parametrize("sent", ["", "yes", "no", "on", 2, 1.0, None, [], {}])
def test_other_booleans_are_refused(sent):
    with pytest.raises(Invalid, match=r"field\.boolean"):
        fields.as_boolean(sent)


@pytest.mark.parametrize(
    ("sent", "number"),
    [(10, 10), ("10", 10), (10.0, 10), (" +10 ", 10), ("-3", -3), ("007", 7), (10**20, 10**20)],
)
def test_whole_numbers_may_be_text(sent, number):
    assert fields.as_integer(sent) == number


@pytest.mark.parametrize(
    "sent", ["", "ten", "1.0", "1_0", "٣", "1" * 19, 1.5, True, None, [], float("inf")]
)
def test_what_is_no_whole_number_is_refused(sent):
    with pytest.raises(Invalid, match=r"field\.integer"):
        fields.as_integer(sent)


def test_text_may_be_digits_and_nothing_else():
    assert (fields.as_text("x"), fields.as_text(7), fields.as_text("")) == ("x", "7", "")
    for sent in (True, 1.5, None, [], {}):
        with pytest.raises(Invalid, match=r"field\.text"):
            fields.as_text(sent)


def test_an_object_may_be_text_even_with_a_semicolon_behind_it():
    for sent in ({"a": 1}, '{"a": 1}', ' {"a": 1}; '):
        assert fields.as_object(sent) == {"a": 1}


@pytest.mark.parametrize(
    ("sent", "code"),
    [([], "field.object"), ("[]", "field.object"), (7, "field.object"), ("{", "json.syntax")],
)
def test_what_is_no_object_is_refused(sent, code):
    with pytest.raises(Invalid) as refused:
        fields.as_object(sent)
    assert refused.value.code == code


def test_a_word_of_a_choice_is_found_in_any_case():
    assert fields.as_member(" RED ", Colour) is Colour.RED
    assert fields.as_member("green", Colour) is Colour.GREEN


def test_another_word_is_refused_with_those_allowed():
    with pytest.raises(Invalid) as refused:
        fields.as_member("blue", Colour)
    assert refused.value.params == {"allowed": "red, Green"}


def faults_of(faults):
    with pytest.raises(Refused) as refused:
        faults.raise_if_any()
    return [(fault.field, fault.code) for fault in refused.value.faults]


def test_a_reader_books_every_fault_under_its_full_name():
    faults = Faults()
    reader = FieldReader({"n": "x", "in": {"b": "maybe"}, "o": []}, faults)
    assert reader.take("n", fields.as_integer, 3) == 3
    inner = reader.inside("in")
    assert inner.take("b", fields.as_boolean, None) is None
    assert inner.need(("c", "d"), fields.as_text) is None
    assert reader.inside_if_any("o") is None
    assert faults_of(faults) == [
        ("n", "field.integer"),
        ("in.b", "field.boolean"),
        ("in.c", "fault.required"),
        ("o", "field.object"),
    ]


def test_what_is_absent_null_or_empty_takes_the_default_without_a_fault():
    faults = Faults()
    reader = FieldReader({"a": None, "b": ""}, faults)
    assert [reader.take(name, fields.as_integer, 3) for name in "abc"] == [3, 3, 3]
    assert reader.inside_if_any("a") is None
    assert not faults


def test_the_first_of_several_names_that_is_there_is_read():
    faults = Faults()
    reader = FieldReader({"old": "", "new": "2", "newer": "3"}, faults)
    assert reader.need(("old", "new", "newer"), fields.as_integer) == 2
    assert not faults
