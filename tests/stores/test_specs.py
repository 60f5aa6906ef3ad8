"""Policies are kept as JSON to the letter."""

from datetime import timedelta

import pytest

from dispatchserver.domain.misfirepolicy import FireAll, FireOnce, SkipMissed
from dispatchserver.domain.task import Policies
from dispatchserver.stores.specs import policies_json, read_policies


@pytest.mark.parametrize("misfire", [FireOnce(), SkipMissed(), FireAll(limit=3)])
@pytest.mark.parametrize("seconds", [0, 60, 86_400])
@pytest.mark.parametrize("spread", [None, timedelta(minutes=10)])
def test_policies_come_back_as_they_were(misfire, seconds, spread):
    grace = timedelta(seconds=seconds)
    policies = Policies(misfire=misfire, misfire_grace=grace, spread=spread, jitter=spread)
    assert read_policies(policies_json(policies)) == policies


def test_what_an_older_version_kept_takes_the_usual_policies():
    assert read_policies("{}") == Policies()
    assert policies_json(Policies()) == "{}"
