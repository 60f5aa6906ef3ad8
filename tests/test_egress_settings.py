"""What the settings let a server call."""

from ipaddress import ip_address

import pytest

from dispatchserver.app import egress_policy
from dispatchserver.domain.egresspolicy import Profile
from dispatchserver.settings import Misconfigured, Settings, load


def test_only_a_server_that_its_own_machine_alone_can_reach_calls_that_machine() -> None:
    assert egress_policy(Settings()).loopback is True
    assert egress_policy(Settings(host="0.0.0.0")).loopback is False


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "::1"),
        ("0.0.0.0", "127.0.0.1"),
        ("10.0.0.7", "10.0.0.7"),
    ],
)
def test_a_server_never_calls_the_port_that_it_listens_on(host: str, own: str) -> None:
    policy = egress_policy(Settings(host=host, port=8080))
    assert policy.refusal("h", ip_address(own), 8080) == "egress.own"


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
