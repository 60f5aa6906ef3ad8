"""Which addresses are never called, in whatever clothes they come."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchserver.domain.egress import check_spelling, read_address, refusal, unwrapped
from dispatchserver.domain.errors import Invalid

FORBIDDEN = {
    "egress.metadata": [
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
    ],
    "egress.link_local": ["169.254.0.1", "169.254.255.255", "fe80::1", "febf::1", "fe80::1%eth0"],
    "egress.unspecified": ["0.0.0.0", "0.1.2.3", "::"],
    "egress.multicast": ["224.0.0.1", "239.255.255.255", "ff02::1"],
    "egress.broadcast": ["255.255.255.255"],
    "egress.reserved": ["240.0.0.1", "255.255.255.254", "4000::1", "100::1", "::7f"],
}
TABLE = [(address, rule) for rule, addresses in FORBIDDEN.items() for address in addresses]


@pytest.mark.parametrize(("address", "rule"), TABLE)
def test_a_forbidden_address_is_refused_by_its_rule(address, rule):
    assert refusal(ip_address(address)) == rule


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.0.1",
        "10.0.0.7",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "8.8.8.8",
        "::1",
        "fd12::1",
        "fc00::1",
        "2606:4700::1111",
        "::ffff:10.0.0.7",
        "64:ff9b::10.0.0.7",
    ],
)
def test_loopback_private_and_public_addresses_may_be_called(address):
    assert refusal(ip_address(address)) is None


@pytest.mark.parametrize(
    "address",
    [
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "2001:0:4136:e378:8000:63bf:5601:5601",  # Teredo keeps the client's address inverted
    ],
)
def test_an_address_is_judged_by_the_one_inside_it(address):
    assert unwrapped(ip_address(address)) == ip_address("169.254.169.254")
    assert refusal(ip_address(address)) == "egress.metadata"


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("169.254.169.254.", "egress.spelling"),
        ("0xa9fea9fe", "egress.spelling"),
        ("2852039166", "egress.spelling"),
        ("0251.0376.0251.0376", "egress.spelling"),
        ("169.254.43518", "egress.spelling"),
        ("１６９.254.169.254", "egress.spelling"),
        ("0", "egress.spelling"),
        ("0x0", "egress.spelling"),
        ("127.1", "egress.spelling"),
        ("2130706433", "egress.spelling"),
        ("0x7f000001", "egress.spelling"),
        ("0x7f.0.0.1", "egress.spelling"),
        ("0177.0.0.1", "egress.spelling"),
        ("127.0.0.1.", "egress.spelling"),
        ("10。0。0。7", "egress.spelling"),
        ("999.1.1.1", "egress.number"),
        ("1.2.3.4.5", "egress.number"),
        ("4294967296", "egress.number"),
        ("09.0.0.1", "egress.number"),
        ("9" * 5000, "egress.number"),
    ],
)
def test_an_address_that_no_two_programs_read_alike_is_refused(host, code):
    with pytest.raises(Invalid) as caught:
        check_spelling(host)
    assert caught.value.code == code


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "0177.1"])
def test_an_odd_spelling_is_told_the_plain_one(host):
    with pytest.raises(Invalid) as caught:
        check_spelling(host)
    assert caught.value.params["plain"] == "127.0.0.1"


@pytest.mark.parametrize(
    "host",
    [
        "receiver.example.com",
        "localhost",
        "10.0.0.7",
        "::1",
        "fd12::1",
        "host-7",
        "a.7",
        "7.a",
        "dead.beef",
        "169.254.169.254",
        "metadata.google.internal",
    ],
)
def test_other_hosts_pass(host):
    check_spelling(host)


@given(st.integers(0, 2**32 - 1))
def test_every_spelling_of_an_address_is_read_alike(number):
    plain = str(ip_address(number))
    a, b, c, d = (int(part) for part in plain.split("."))
    spellings = [str(number), hex(number), f"{a}.{number & 0xFFFFFF}", f"{a}.{b}.{c << 8 | d}"]
    spellings += [f"0x{a:x}.{b}.0{c:o}.{d}", plain]
    assert {read_address(spelling) for spelling in spellings} == {ip_address(number)}


@given(st.text(max_size=40))
def test_no_host_makes_it_stumble(host):
    try:
        check_spelling(host)
    except Invalid as invalid:
        assert invalid.code.startswith("egress.")
