"""Where a server may call, by its profile and its admin's list."""

from ipaddress import ip_address

import pytest

from dispatchserver.domain.egresspolicy import EgressPolicy, Profile, read_allowed
from dispatchserver.domain.errors import Invalid

REACHABLE = EgressPolicy(loopback=False)
PUBLIC = EgressPolicy(profile=Profile.PUBLIC, loopback=False)


def listing(*lines, **more):
    return EgressPolicy(allowed=[read_allowed(line) for line in lines], loopback=False, **more)


def asked(policy, address, port=443, host="h.test", *, raw=False):
    return policy.refusal(host, ip_address(address), port, raw=raw)


@pytest.mark.parametrize(
    ("policy", "address", "rule"),
    [
        (EgressPolicy(), "127.0.0.1", None),
        (REACHABLE, "127.0.0.1", "egress.loopback"),
        (REACHABLE, "::1", "egress.loopback"),
        (REACHABLE, "::ffff:127.0.0.1", "egress.loopback"),
        (REACHABLE, "64:ff9b::7f00:1", "egress.loopback"),
        (REACHABLE, "10.1.2.3", None),
        (REACHABLE, "8.8.8.8", None),
        (REACHABLE, "169.254.169.254", "egress.metadata"),
        (REACHABLE, "0.0.0.0", "egress.unspecified"),
        (PUBLIC, "10.1.2.3", "egress.private"),
        (PUBLIC, "::ffff:10.1.2.3", "egress.private"),
        (PUBLIC, "fd12::1", "egress.private"),
        (PUBLIC, "100.64.0.1", "egress.private"),
        (PUBLIC, "8.8.8.8", None),
        (PUBLIC, "2606:4700::1", None),
        (listing(profile=Profile.ALLOWLIST), "8.8.8.8", "egress.not_listed"),
    ],
)
def test_a_profile_says_which_addresses_may_be_called(policy, address, rule):
    assert asked(policy, address) == rule


def test_what_the_admin_lists_is_allowed_whatever_forbids_it():
    only = listing(
        "10.1.0.0/16",
        "hooks.example.com:443",
        "*.inner.test",
        "169.254.169.254:80",
        profile=Profile.ALLOWLIST,
    )
    assert asked(only, "10.1.9.9") is None
    assert asked(only, "10.2.0.1") == "egress.not_listed"
    assert asked(only, "8.8.8.8", 443, "hooks.example.com") is None
    assert asked(only, "8.8.8.8", 443, "HOOKS.example.com.") is None
    assert asked(only, "8.8.8.8", 80, "hooks.example.com") == "egress.not_listed"
    assert asked(only, "10.9.9.9", 80, "a.inner.test") is None
    assert asked(only, "10.9.9.9", 80, "inner.test") == "egress.not_listed"
    assert asked(only, "169.254.169.254", 80) is None
    assert asked(only, "169.254.169.254", 81) == "egress.metadata"


def test_a_listed_name_does_not_allow_what_another_name_leads_to():
    only = listing("hooks.example.com", profile=Profile.ALLOWLIST)
    assert asked(only, "8.8.8.8", host="evil.example.com") == "egress.not_listed"


@pytest.mark.parametrize("port", [22, 80, 443, 6379, 5432, 27_017])
def test_raw_messages_never_go_to_ports_of_known_services(port):
    assert asked(REACHABLE, "10.0.0.7", port, raw=True) == "egress.port"
    assert asked(EgressPolicy(), "127.0.0.1", port, raw=True) == "egress.port"
    assert asked(REACHABLE, "10.0.0.7", port) is None
    assert asked(listing(f"10.0.0.7:{port}"), "10.0.0.7", port, raw=True) is None


def test_raw_messages_go_to_other_ports():
    assert asked(REACHABLE, "10.0.0.7", 9000, raw=True) is None


def test_a_server_never_calls_itself_unless_its_admin_lists_it():
    here = frozenset({(ip_address("127.0.0.1"), 8080)})
    assert asked(EgressPolicy(own=here), "127.0.0.1", 8080) == "egress.own"
    assert asked(EgressPolicy(own=here), "::ffff:127.0.0.1", 8080) == "egress.own"
    assert asked(EgressPolicy(own=here), "127.0.0.1", 9090) is None
    assert asked(listing("127.0.0.1:8080", own=here), "127.0.0.1", 8080) is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "10.0.0.0/33",
        "10.0.0.7/16",
        "host:0",
        "host:70000",
        "host:x",
        "a b",
        "http://x",
        "a.*.b",
        "[::1]x",
    ],
)
def test_what_is_no_destination_is_refused(line):
    with pytest.raises(Invalid) as told:
        read_allowed(line)
    assert told.value.code == "egress.allowed"
