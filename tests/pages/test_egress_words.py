"""What our own rules on addresses forbade is told in words, with what would allow it."""

import pytest

from dispatchserver.domain.fire import Decision, Delivery, Reason
from dispatchserver.messages import LANGUAGES
from dispatchserver.pages.attemptviews import attempt_view
from dispatchserver.pages.words import Viewer
from tests.builders import NOON, UTC_ZONE, a_fire, an_attempt, an_outcome
from tests.pages.conftest import Browser, House
from tests.pages.test_pages import new_form

RULES = ("own", "loopback", "private", "not_listed", "port", "metadata", "link_local")


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("rule", RULES)
def test_a_forbidden_address_is_told_with_its_rule(lang: str, rule: str) -> None:
    detail = f"egress.{rule} forbids 10.0.0.7:6379"
    outcome = an_outcome(
        status=None, delivery=Delivery.NOT_SENT, reason=Reason.EGRESS, detail=detail
    )
    attempt = an_attempt(a_fire(), Decision.FAILURE, outcome=outcome)
    told = attempt_view(attempt, UTC_ZONE, Viewer(lang=lang, now=NOON)).detail
    assert "10.0.0.7:6379" in told and "egress." not in told


def test_any_other_detail_is_the_transport_s_own() -> None:
    outcome = an_outcome(
        status=None, delivery=Delivery.NOT_SENT, reason=Reason.DNS, detail="a forbids b"
    )
    attempt = an_attempt(a_fire(), Decision.FAILURE, outcome=outcome)
    assert attempt_view(attempt, UTC_ZONE, Viewer(lang="en", now=NOON)).detail == "a forbids b"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"url": "http://169.254.169.254/"}, "url"),
        ({"recall": "SOCKET", "host": "fe80::1", "port": "9000"}, "host"),
        ({"recall": "SOCKET", "host": "10.0.0.7", "port": "6379"}, "port"),
    ],
)
async def test_a_forbidden_address_is_told_at_its_field_of_the_form(
    house: House, admin: Browser, fields: dict[str, str], field: str
) -> None:
    answer = await admin.act("/tasks/new", **new_form(**fields))
    assert answer.status == 422
    assert f'href="#{field}"' in answer.text and "--egress-allow" in answer.text
    assert await house.tasks.groups("default") == []
