"""Where a server may call, by its profile and its admin's list."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchserver.domain.egress import known_addresses
from dispatchserver.domain.egresspolicy import EgressPolicy, Profile, read_allowed
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.recall import SocketRecall, check_host, check_url

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


def at_add(policy, address, *, raw=False):
    """The rule by which a task with this address is refused; None where it may be added."""
    try:
        policy.check(address, raw=raw)
    except Invalid as invalid:
        return invalid.code
    return None


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("http://169.254.169.254/latest", "egress.metadata"),
        ("http://169.254.169.254./", "egress.metadata"),
        ("http://[::ffff:169.254.169.254]/", "egress.metadata"),
        ("http://[::ffff:a9fe:a9fe]:80/", "egress.metadata"),
        ("http://[64:ff9b::a9fe:a9fe]/", "egress.metadata"),
        ("http://[2002:a9fe:a9fe::1]/", "egress.metadata"),
        ("http://0xa9fea9fe/", "egress.metadata"),
        ("http://2852039166/", "egress.metadata"),
        ("http://0251.0376.0251.0376/", "egress.metadata"),
        ("http://１６９.254.169.254/", "egress.metadata"),
        ("http://metadata.google.internal/", "egress.metadata"),
        ("http://Metadata.Google.Internal.:80/", "egress.metadata"),
        ("http://0x7f000001/", "egress.loopback"),
        ("http://2130706433/", "egress.loopback"),
        ("http://127.1/", "egress.loopback"),
        ("http://localhost:9000/", "egress.loopback"),
        ("http://a.localhost/", "egress.loopback"),
        ("http://[::1]/", "egress.loopback"),
        ("http://0/", "egress.unspecified"),
        ("http://[fe80::1]/", "egress.link_local"),
        ("http://224.0.0.1/", "egress.multicast"),
        ("http://hooks.example.com/", None),
        ("http://10.0.0.7:6379/", None),
        ("http://metadata.google.internal.example.com/", None),
    ],
)
def test_what_will_certainly_be_forbidden_is_refused_when_it_is_added(address, rule):
    assert at_add(REACHABLE, address) == rule


@pytest.mark.parametrize("address", ["10.0.0.7:6379", "[fd12::1]:22", "cache.test:6379"])
def test_the_port_of_a_known_service_is_refused_to_raw_messages_whatever_the_name(address):
    assert at_add(REACHABLE, address, raw=True) == "egress.port"
    assert at_add(listing(address.rpartition(":")[0]), address, raw=True) is None


@pytest.mark.parametrize(
    ("line", "address", "rule"),
    [
        ("*.example.com", "https://hooks.example.com/", None),
        ("*.example.com:443", "https://hooks.example.com/", None),
        ("*.example.com:443", "http://hooks.example.com/", "egress.not_listed"),
        ("*.example.com", "https://evil.test/", "egress.not_listed"),
        ("10.1.0.0/16", "http://10.1.2.3/", None),
        ("10.1.0.0/16", "http://10.2.2.3/", "egress.not_listed"),
        ("10.1.0.0/16", "http://may-lead-there.test/", None),
        ("10.1.0.0/16:80", "https://cannot-lead-there.test/", "egress.not_listed"),
        ("169.254.169.254", "http://metadata.google.internal/", None),
        ("169.254.169.254:80", "https://metadata.google.internal/", "egress.metadata"),
        ("::1", "http://localhost/", None),
    ],
)
def test_a_name_that_may_lead_to_what_is_listed_is_let_through(line, address, rule):
    assert at_add(listing(line, profile=Profile.ALLOWLIST), address) == rule


def test_the_server_itself_is_refused_with_its_port():
    policy = EgressPolicy(own={(ip_address("127.0.0.1"), 8080), (ip_address("::1"), 8080)})
    assert at_add(policy, "http://127.0.0.1:8080/add.do") == "egress.own"
    assert at_add(policy, "http://localhost:8080/") == "egress.own"
    assert at_add(policy, "http://127.0.0.1:9090/") is None
    with pytest.raises(Invalid) as told:
        policy.check("http://[::1]:8080/", raw=False)
    assert told.value.params == {"host": "[::1]:8080"}


NAMES = st.sampled_from(["localhost", "evil.test", "a.good.test", "metadata.goog"])
ADDRESSES = st.ip_addresses().map(str)
PLACES = st.tuples(NAMES | ADDRESSES, st.sampled_from([80, 443, 6379, 9000]))
LINES = st.sampled_from(
    ["*.good.test", "10.0.0.0/8", "::/1", "0.0.0.0/1:80", "localhost", "evil.test:9000"]
)


@given(place=PLACES, lines=st.lists(LINES), profile=st.sampled_from(Profile), raw=st.booleans())
def test_an_address_is_judged_alike_when_it_is_added_and_when_it_is_called(
    place, lines, profile, raw
):
    (host, port), policy = place, listing(*lines, profile=profile)
    text = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    rule = at_add(policy, text, raw=raw)
    leads_to = known_addresses(host) or [ip_address("8.8.8.8"), ip_address("10.1.1.1")]
    called = [policy.refusal(host, address, port, raw=raw) for address in leads_to]
    assert rule is None or None not in called
    assert rule is not None or host in ("evil.test", "a.good.test") or None in called


@given(st.text(max_size=40), st.booleans())
def test_no_address_that_can_be_stored_makes_it_stumble(text, raw):
    for check, address in ((check_url, f"http://{text}/"), (check_host, text)):
        try:
            check(address)
        except Invalid:
            continue
        shown = address if check is check_url else SocketRecall(host=address, port=9000).address
        assert at_add(REACHABLE, shown, raw=raw) in (None, *RULES)


RULES = [f"egress.{rule}" for rule in ("loopback", "metadata", "link_local", "multicast", "port")]
RULES += [f"egress.{rule}" for rule in ("unspecified", "broadcast", "reserved")]
