"""A real store, the real pages and guards, on a free port; no engine loops, so nothing fires by itself."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from secrets import token_bytes
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import CIMultiDictProxy
from yarl import URL

from dispatchserver.auth.doors import Access, OpenGuard, mount
from dispatchserver.auth.gate import Gate
from dispatchserver.auth.intake import BODY_LIMIT
from dispatchserver.auth.people import People
from dispatchserver.domain.destination import USUAL
from dispatchserver.domain.moments import from_ms, to_ms
from dispatchserver.engine.calendars import CalendarCases
from dispatchserver.engine.destinations import Destinations
from dispatchserver.engine.groups import GroupCases
from dispatchserver.engine.limits import DestinationCases
from dispatchserver.engine.replays import ReplayCases
from dispatchserver.engine.secrets import SecretCases
from dispatchserver.engine.signing import SigningCases
from dispatchserver.engine.tasks import Tasks, Wakes
from dispatchserver.engine.whys import Whys
from dispatchserver.holidaysource import HolidaysPackage
from dispatchserver.pages.routes import Pages
from dispatchserver.ports import Actor
from dispatchserver.recalls.clientcert import check_pair
from dispatchserver.stores.accounts import SqlAccounts
from dispatchserver.stores.calendars import SqlCalendars
from dispatchserver.stores.destinations import SqlDestinations
from dispatchserver.stores.groups import SqlGroups
from dispatchserver.stores.migrate import migrate
from dispatchserver.stores.secrets import SqlSecrets
from dispatchserver.stores.signingkeys import SqlSigningKeys
from dispatchserver.stores.sqlite import SqliteDriver
from dispatchserver.stores.store import SqlStore

ADMIN = Actor(who="user:admin", door="web")
PASSWORD = "correct horse battery"
SHANGHAI = ZoneInfo("Asia/Shanghai")


class HandClock:
    """The wall clock, moved ahead by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return from_ms(to_ms(datetime.now(UTC) + self.ahead))

    async def sleep_until(self, moment: datetime) -> None:
        raise AssertionError(f"a page waits until {moment}")


@dataclass
class House:
    """A running server and its parts."""

    server: TestServer
    store: SqlStore
    tasks: Tasks
    groups: GroupCases
    people: People
    clock: HandClock
    calendars: CalendarCases
    signing: SigningCases
    secrets: SecretCases
    loads: Destinations
    destinations: DestinationCases

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    driver = await SqliteDriver.open(tmp_path / "dispatch.db", exclusive=True)
    await migrate(driver.writer)
    clock, store = HandClock(), SqlStore(driver)
    people = People(SqlAccounts(driver), clock)
    tasks = Tasks(
        store,
        SqlCalendars(driver),
        clock,
        lambda: uuid4().hex,
        Wakes(plan_by=lambda _: None, dispatch_by=lambda _: None),
    )
    groups = GroupCases(SqlGroups(driver), store, clock, SHANGHAI)
    calendars = CalendarCases(
        SqlCalendars(driver),
        HolidaysPackage(),
        clock,
        SHANGHAI,
        Wakes(plan_by=lambda _: None, dispatch_by=lambda _: None),
    )
    whys = Whys(store, store, groups, clock)
    signing = SigningCases(SqlSigningKeys(driver), clock, token_bytes)
    secrets = SecretCases(SqlSecrets(driver), clock, check_pair)
    replays = ReplayCases(store, clock, lambda: uuid4().hex, lambda _: None)
    loads = Destinations(USUAL)
    destinations = DestinationCases(SqlDestinations(driver), loads, clock, lambda: None)
    pages = Pages(
        tasks=tasks,
        groups=groups,
        people=people,
        clock=clock,
        zone=SHANGHAI,
        lang="zh",
        version="0.1.0",
        calendars=calendars,
        signing=signing,
        secrets=secrets,
        replays=replays,
        whys=whys,
        destinations=destinations,
    )
    app = web.Application(
        middlewares=[Gate("127.0.0.1", (), "zh").middleware], client_max_size=BODY_LIMIT
    )
    mount(app, pages.routes(), {Access.PUBLIC: OpenGuard(), Access.PERSON: people})
    pages.setup(app)
    async with TestServer(app, host="127.0.0.1") as server:
        yield House(
            server,
            store,
            tasks,
            groups,
            people,
            clock,
            calendars,
            signing,
            secrets,
            loads,
            destinations,
        )
    await driver.close()


@dataclass
class Answer:
    """An answer, read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    text: str


class Browser:
    """Sends forms and keeps cookies as a browser does; follows no redirect by itself."""

    def __init__(self, house: House, session: aiohttp.ClientSession) -> None:
        self._house = house
        self._session = session
        self.csrf = ""

    @classmethod
    @asynccontextmanager
    async def open(cls, house: House) -> AsyncIterator["Browser"]:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(house.url, cookie_jar=jar) as session:
            yield cls(house, session)

    async def get(self, path: str, **query: str) -> Answer:
        headers = {"Accept": "text/html"}
        async with self._session.get(
            path, params=query, headers=headers, allow_redirects=False
        ) as answer:
            return Answer(answer.status, answer.headers, await answer.text())

    async def post(self, path: str, form: dict[str, str]) -> Answer:
        return await self.send(path, data=form, headers={"Origin": self._house.url})

    async def send(self, path: str, **request: Any) -> Answer:
        async with self._session.post(path, allow_redirects=False, **request) as answer:
            return Answer(answer.status, answer.headers, await answer.text())

    async def act(self, path: str, **form: str) -> Answer:
        """A form of a signed-in person."""
        return await self.post(path, {"csrf": self.csrf, **form})

    async def sign_in(self) -> None:
        """Signs the admin in and notes the CSRF token."""
        answer = await self.post("/login", {"name": "admin", "password": PASSWORD})
        assert answer.status == 303
        page = await self.get("/tasks")
        found = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert found is not None
        self.csrf = found[1]

    def cookie(self, name: str) -> str:
        cookies = self._session.cookie_jar.filter_cookies(URL(self._house.url))
        return cookies[name].value

    def set_cookie(self, name: str, value: str) -> None:
        self._session.cookie_jar.update_cookies({name: value}, URL(self._house.url))


@pytest.fixture
async def admin(house: House) -> AsyncIterator[Browser]:
    """The admin's browser, signed in."""
    secret = await house.people.setup_secret()
    assert secret is not None
    await house.people.set_up(secret, "admin", PASSWORD)
    async with Browser.open(house) as browser:
        await browser.sign_in()
        yield browser


class _Controls(HTMLParser):
    """The named controls of a page as a browser would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._open = ""
        self._options: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        name, value = told.get("name") or "", told.get("value") or ""
        if tag == "option":
            self._options.append((value, "selected" in told))
        elif tag in ("select", "textarea"):
            self._open, self._options, self.fields[name] = name, [], ""
        elif tag == "input" and (
            told.get("type") not in ("radio", "checkbox") or "checked" in told
        ):
            self.fields[name] = value

    def handle_data(self, data: str) -> None:
        if self._open and not self._options:
            self.fields[self._open] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            chosen = [value for value, selected in self._options if selected]
            self.fields[self._open] = (chosen or [value for value, _ in self._options])[0]
        if tag == "textarea":
            self.fields[self._open] = self.fields[self._open].removeprefix("\n")
        if tag in ("select", "textarea"):
            self._open, self._options = "", []


def shown_form(page: str) -> dict[str, str]:
    """What a browser would send of the task form on this page, were it sent unchanged."""
    controls = _Controls()
    controls.feed(page[page.index('class="task-form"') :])
    return controls.fields
