"""Which JSON is taken, and how it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchserver.domain import jsontext
from dispatchserver.domain.errors import Invalid

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | TEXT
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def code_of(text):
    with pytest.raises(Invalid) as refused:
        jsontext.loads(text)
    return refused.value.code


@given(VALUES)
def test_what_is_written_is_read_back_the_same(value):
    assert jsontext.loads(jsontext.dumps(value)) == value


def test_text_is_written_short_and_as_it_is():
    assert jsontext.dumps({"中": [1, None, True]}) == '{"中":[1,null,true]}'


@pytest.mark.parametrize(
    "text", ["", " ", "{", "{'a': 1}", "[1,]", "01", "tru", "{} {}", "\ufeff{}"]
)
def test_what_is_not_json_is_refused(text):
    assert code_of(text) == "json.syntax"


def test_the_position_of_a_syntax_error_counts_from_one():
    with pytest.raises(Invalid) as refused:
        jsontext.loads("[1, x]")
    assert refused.value.params == {"position": 5}


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}'])
def test_numbers_that_are_none_are_refused(text):
    assert code_of(text) == "json.constant"


@pytest.mark.parametrize("text", ["1e999", "[-1e999]", "1" * 4301, "-" + "1" * 5000])
def test_numbers_too_large_to_keep_are_refused(text):
    assert code_of(text) == "json.number"


def test_large_whole_numbers_are_kept_to_the_digit():
    digits = "9" * 400
    assert jsontext.dumps(jsontext.loads(digits)) == digits


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '[{"b": {"a": 1, "c": 2, "a": 3}}]'])
def test_a_key_given_twice_is_refused_by_name(text):
    with pytest.raises(Invalid) as refused:
        jsontext.loads(text)
    assert refused.value.code == "json.twice"
    assert refused.value.params == {"key": "a"}


def test_a_key_given_twice_is_found_in_one_walk(monkeypatch):
    built = []
    monkeypatch.setattr(jsontext, "dict", lambda *a: built.append(a) or dict(*a), raising=False)
    keys = ",".join(f'"{n}":0' for n in range(20_000))
    assert code_of(f'{{{keys},"19999":0}}') == "json.twice"
    assert len(built) <= 1


@pytest.mark.parametrize("text", [r'"\u0000"', r'"\ud800"', r'{"\udc00": 1}', r'[["a\u0000b"]]'])
def test_text_that_databases_refuse_is_refused(text):
    assert code_of(text) == "json.text"


def test_a_surrogate_pair_is_one_character():
    assert jsontext.loads(r'"\ud83d\ude00"') == "😀"


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_sixty_four_levels_are_deep_enough(opening, closing):
    assert jsontext.loads(opening * 64 + "1" + closing * 64)
    for depth in (65, 900, 100_000):
        assert code_of(opening * depth + "1" + closing * depth) == "json.deep"


def test_a_value_from_elsewhere_is_checked_as_if_it_had_been_read():
    jsontext.check({"a": [1, "x", None, 1.5, True]})
    for value in ("\0", ["\ud800"], {"\0": 1}, {"a": {"b": "\0"}}):
        with pytest.raises(Invalid):
            jsontext.check(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]])
def test_what_is_not_json_is_never_written(value):
    with pytest.raises(ValueError, match="Out of range"):
        jsontext.dumps(value)
