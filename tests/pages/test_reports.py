"""What receivers report stands on the fire's page and in the log: progress, and what came too late or once more."""

from datetime import timedelta

import pytest

from dispatchserver.domain.changing import Addition
from dispatchserver.domain.errors import FireEnded
from dispatchserver.domain.fire import Decision, Fire
from dispatchserver.domain.reporting import ProgressReport, Report
from dispatchserver.engine.executor import Limits
from dispatchserver.engine.reports import Reports
from dispatchserver.engine.tasks import Wakes
from dispatchserver.ports import Actor
from tests.builders import a_key, a_spec, an_attempt
from tests.pages.conftest import ADMIN, Browser, House

RECEIVER = Actor(who="receiver:10.0.0.7", door="do")
HOSTILE = '<img src=x onerror="alert(1)">\u202e'


def reports_of(house: House) -> Reports:
    wakes = Wakes(plan_by=lambda _: None, dispatch_by=lambda _: None)
    return Reports(house.store, house.clock, wakes, Limits())


@pytest.fixture
async def fire(house: House) -> Fire:
    """A fire whose report is awaited."""
    now = house.clock.now()
    await house.tasks.add(Addition(key=a_key(), spec=a_spec(), at=now, overwrite=False), ADMIN)
    await house.tasks.trigger_now(a_key(), ADMIN)
    now = house.clock.now()
    claims = await house.store.claim("node", now, 1, now + timedelta(hours=1))
    (fire,) = [assignment.fire for assignment in claims.assignments]
    waiting = an_attempt(fire, Decision.WAIT, now=now, at=now + timedelta(minutes=1))
    await house.store.settle(fire, waiting)
    return fire


def told(fire: Fire, percent: int | None = 40, text: str | None = None) -> ProgressReport:
    return ProgressReport(fire_id=fire.id, percent=percent, text=text)


async def test_progress_stands_on_the_page_and_in_the_log(
    house: House, admin: Browser, fire: Fire
) -> None:
    await reports_of(house).progress(told(fire, text="正在复制"), RECEIVER)
    for page in (await admin.get("/fire", id=fire.id), await admin.get("/fires")):
        assert "40%：正在复制" in page.text
    assert "已采纳" in (await admin.get("/fire", id=fire.id)).text


async def test_who_only_says_to_be_at_work_is_shown_so(
    house: House, admin: Browser, fire: Fire
) -> None:
    await reports_of(house).progress(told(fire, None), RECEIVER)
    assert "仍在处理" in (await admin.get("/fires")).text


async def test_what_came_too_late_or_once_more_is_marked(
    house: House, admin: Browser, fire: Fire
) -> None:
    house.clock.ahead = timedelta(minutes=2)
    await house.store.expire(house.clock.now(), 10)
    with pytest.raises(FireEnded):
        await reports_of(house).accept(
            Report(fire_id=fire.id, success=True, result=HOSTILE), RECEIVER
        )
    page = (await admin.get("/fire", id=fire.id)).text
    assert "来迟" in page and "receiver:10.0.0.7" in page
    assert "<img src=x" not in page and "\\u202e" in page


async def test_a_repeated_report_is_marked(house: House, admin: Browser, fire: Fire) -> None:
    reports = reports_of(house)
    await reports.accept(Report(fire_id=fire.id, success=True, result="3"), RECEIVER)
    with pytest.raises(FireEnded):
        await reports.accept(Report(fire_id=fire.id, success=False, result="4"), RECEIVER)
    page = (await admin.get("/fire", id=fire.id)).text
    assert page.index("已采纳") < page.index("重复")
