"""Default policies as documents: every policy has a key, and what is written reads the same."""

from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from dispatchserver.documents.policies import (
    KEYS,
    policies_doc,
    policy_defaults_doc,
    read_policy_defaults,
)
from dispatchserver.domain.defaults import PRODUCTS, PolicyDefaults
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader
from dispatchserver.domain.task import Policies
from tests.documents.test_policies import all_policies


def read(doc):
    faults = Faults()
    found = read_policy_defaults(FieldReader({"policies": doc}, faults))
    faults.raise_if_any()
    return found


def test_every_policy_has_a_key_of_its_own_under_which_it_is_shown():
    assert sorted(KEYS.values()) == sorted(each.name for each in fields(Policies))
    assert set(policies_doc(PRODUCTS)) == set(KEYS)


@given(all_policies, st.sets(st.sampled_from(sorted(set(KEYS) - {"calendar", "shift"}))))
def test_what_is_said_reads_the_same_and_lies_over_what_is_not(policies, keys):
    said = frozenset(KEYS[key] for key in keys)
    doc = policy_defaults_doc(PolicyDefaults(said=said, policies=policies))
    assert set(doc) == keys
    found = read(doc)
    assert (found.said, policy_defaults_doc(found)) == (said, doc)
    laid = policies_doc(found.over(PRODUCTS))
    assert laid == policies_doc(PRODUCTS) | doc


def test_nothing_said_is_no_default():
    assert read(None) == read("") == read({}) == read({"timeout": ""}) == PolicyDefaults()
