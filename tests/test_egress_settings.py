"""What the settings let a server call."""

from pathlib import Path

import pytest

from dispatchserver.domain.callbackproxy import basic
from dispatchserver.domain.egresspolicy import Profile
from dispatchserver.reach import callback_proxy, egress_policy
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


def test_without_a_proxy_callbacks_go_by_themselves() -> None:
    assert callback_proxy(Settings()) is None


def test_a_proxy_its_password_and_whom_it_is_not_asked_for_come_from_the_environment(
    tmp_path: Path,
) -> None:
    (tmp_path / "auth").write_text("ops:canary-word\n")
    environ = {
        "DISPATCH_CALLBACK_PROXY": "http://proxy.test:3128",
        "DISPATCH_CALLBACK_PROXY_AUTH_FILE": str(tmp_path / "auth"),
        "DISPATCH_CALLBACK_PROXY_EXCEPT": "10.0.0.0/8, *.inner.test",
    }
    proxy = callback_proxy(load({}, environ)[0])
    assert proxy is not None
    assert (proxy.shown, proxy.authorization) == ("proxy.test:3128", basic("ops:canary-word"))
    assert [proxy.takes(host, 80) for host in ("10.1.1.1", "a.inner.test", "b.test")] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("name", "said", "code"),
    [
        ("callback_proxy", "http://ops:canary@proxy.test:3128", "callback_proxy.url"),
        ("callback_proxy_except", "http://inner.test", "egress.allowed"),
        ("callback_proxy_except", "inner.test", "callback_proxy.alone"),
        ("callback_proxy_auth", "ops:canary", "callback_proxy.alone"),
    ],
)
def test_what_is_no_proxy_is_named(name: str, said: str, code: str) -> None:
    with pytest.raises(Misconfigured) as told:
        load({}, {f"DISPATCH_{name.upper()}": said})
    (fault,) = told.value.faults
    assert (fault.field, fault.code) == (f"{name} (environment)", code)
    assert "canary" not in str(fault)
