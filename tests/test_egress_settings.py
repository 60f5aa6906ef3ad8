"""What the settings let a server call."""

import pytest

from dispatchserver.domain.egresspolicy import Profile
from dispatchserver.reach import egress_policy
from dispatchserver.settings import Settings
from dispatchserver.settingsources import Misconfigured, load


def test_only_a_server_that_its_own_machine_alone_can_reach_calls_that_machine() -> None:
    assert egress_policy(Settings()).loopback is True
    assert egress_policy(Settings(host="0.0.0.0")).loopback is False
    assert egress_policy(Settings(trusted_proxies=["127.0.0.1"])).loopback is False


def test_profile_and_list_come_from_the_environment() -> None:
    environ = {
        "DISPATCH_EGRESS": "allowlist",
        "DISPATCH_EGRESS_ALLOW": "10.1.0.0/16, *.example.com",
    }
    policy = egress_policy(load({}, environ)[0])
    assert (policy.profile, len(policy.allowed)) == (Profile.ALLOWLIST, 2)


def test_what_is_no_destination_is_named() -> None:
    with pytest.raises(Misconfigured) as told:
        load({}, {"DISPATCH_EGRESS_ALLOW": "http://example.com"})
    (fault,) = told.value.faults
    assert (fault.field, fault.code) == ("egress_allow (environment)", "egress.allowed")
