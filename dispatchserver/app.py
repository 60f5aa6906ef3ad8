"""The composition root: opens the store, builds the engine, mounts the doors; the only file that knows every room."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_bytes
from uuid import uuid4

from aiohttp import web

from dispatchserver import __version__
from dispatchserver.auth.connections import Listener, listening
from dispatchserver.auth.doors import Access, Door, Guard, OpenGuard, mount
from dispatchserver.auth.headers import finish
from dispatchserver.auth.intake import BODY_LIMIT
from dispatchserver.auth.own import Own
from dispatchserver.auth.people import People
from dispatchserver.auth.rates import Pace
from dispatchserver.auth.tokens import TokenGuard, is_live
from dispatchserver.clock import SystemClock
from dispatchserver.dialects.iuap.routes import IuapDialect
from dispatchserver.dialects.iuap.setting import Habits, RepeatCount
from dispatchserver.dialects.rest.calendars import CalendarRoutes
from dispatchserver.dialects.rest.destinations import DestinationRoutes
from dispatchserver.dialects.rest.groups import GroupRoutes
from dispatchserver.dialects.rest.health import Health
from dispatchserver.dialects.rest.imports import ImportRoutes
from dispatchserver.dialects.rest.metrics import MetricsDoor, Reading
from dispatchserver.dialects.rest.replays import ReplayRoutes
from dispatchserver.dialects.rest.reports import ReportRoutes
from dispatchserver.dialects.rest.routes import RestDialect
from dispatchserver.dialects.rest.schedule import Schedules
from dispatchserver.dialects.rest.secrets import SecretRoutes
from dispatchserver.dialects.rest.signing import SigningRoutes
from dispatchserver.dialects.rest.whys import WhyRoutes
from dispatchserver.domain.destination import Allowance
from dispatchserver.domain.rate import read_rate
from dispatchserver.domain.recall import RecallKind
from dispatchserver.domain.starting import UnsafeBind
from dispatchserver.engine.calendars import CalendarCases
from dispatchserver.engine.engine import Engine, EngineConfig
from dispatchserver.engine.executor import Limits
from dispatchserver.engine.groups import GroupCases
from dispatchserver.engine.ids import ids
from dispatchserver.engine.limits import DestinationCases
from dispatchserver.engine.replays import ReplayCases
from dispatchserver.engine.reports import Reports
from dispatchserver.engine.secrets import SecretCases
from dispatchserver.engine.signing import SigningCases
from dispatchserver.engine.tasks import Tasks
from dispatchserver.engine.whys import Whys
from dispatchserver.holidaysource import HolidaysPackage
from dispatchserver.importaside import portion_reader
from dispatchserver.metrics import Metrics
from dispatchserver.openfiles import room_for
from dispatchserver.pages.routes import Pages
from dispatchserver.ports import Clock
from dispatchserver.reach import (
    callback_proxy,
    doorkeeper,
    egress_policy,
    is_private,
    middlewares,
)
from dispatchserver.recalls.clientcert import check_pair
from dispatchserver.recalls.http import HttpTarget
from dispatchserver.recalls.resolving import Resolver
from dispatchserver.recalls.socket import SocketTarget
from dispatchserver.registries import Accounts
from dispatchserver.settings import Settings
from dispatchserver.stores.accounts import SqlAccounts
from dispatchserver.stores.calendars import SqlCalendars
from dispatchserver.stores.destinations import SqlDestinations
from dispatchserver.stores.groups import SqlGroups
from dispatchserver.stores.migrate import migrate
from dispatchserver.stores.secrets import SqlSecrets
from dispatchserver.stores.signingkeys import SqlSigningKeys
from dispatchserver.stores.sqlite import SqliteDriver
from dispatchserver.stores.standing import OnEnd, Watch, only_tell
from dispatchserver.stores.store import SqlStore

# What is left of requests once the engine has drained: a page or a form, never a callback.
REQUEST_GRACE_S = 3.0
MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server: where it listens, and the link that makes the first admin (None: there is one)."""

    url: str
    setup_link: str | None
    tasks: Tasks
    engine: Engine


@asynccontextmanager
async def running(settings: Settings, give_up: OnEnd = only_tell) -> AsyncIterator[Server]:
    """A server from its first pass to its drained end; raises UnsafeBind, StoreInUse, StoreUnavailable, OSError."""
    slots, connections = room_for(settings.slots, settings.connections)
    settings = settings.model_copy(update={"slots": slots, "connections": connections})
    metrics = Metrics(__version__, settings.slots)
    watch = Watch(ballast=settings.ballast * MIB, on_degraded=metrics.degraded, on_end=give_up)
    driver = await SqliteDriver.open(
        settings.database_path, exclusive=True, on_commit=metrics.committed, watch=watch
    )
    try:
        await migrate(driver.writer)
        accounts, clock = SqlAccounts(driver), SystemClock()
        await _check_bind(settings, accounts, clock)
        async with (
            listening(settings.host, settings.port, doorkeeper(settings)) as listener,
            _serving(settings, driver, accounts, clock, metrics, listener) as server,
        ):
            yield server
    finally:
        await driver.close()


async def _check_bind(settings: Settings, accounts: Accounts, clock: Clock) -> None:
    """A server that others can reach must have somebody who may use it, and doors that ask."""
    if is_private(settings):
        return
    tokens = await accounts.list_tokens()
    credentials = (
        any(is_live(token, clock.now()) for token in tokens) or await accounts.count_users()
    )
    if settings.auth == "off" or not credentials:
        raise UnsafeBind(host=settings.host)


@asynccontextmanager
async def _serving(
    settings: Settings,
    driver: SqliteDriver,
    accounts: Accounts,
    clock: Clock,
    metrics: Metrics,
    listener: Listener,
) -> AsyncIterator[Server]:
    store, calendars = SqlStore(driver), SqlCalendars(driver)
    groups = GroupCases(SqlGroups(driver), store, clock, settings.zone, settings.policy_defaults)
    keys = SigningCases(SqlSigningKeys(driver), clock, token_bytes)
    secrets = SecretCases(SqlSecrets(driver), clock, check_pair)
    policy, resolver = egress_policy(settings, Own(listener.addresses)), Resolver()
    http = HttpTarget(policy, resolver, callback_proxy(settings))
    engine = Engine(
        store,
        {RecallKind.HTTP: http, RecallKind.SOCKET: SocketTarget(policy, resolver)},
        clock,
        _engine_config(settings),
        metrics,
    )
    places = DestinationCases(
        SqlDestinations(driver), engine.destinations, clock, engine.wake_dispatcher
    )
    tasks = Tasks(store, calendars, clock, ids(clock.now, token_bytes), engine.wakes, policy)
    people = People(accounts, clock)
    cases = CalendarCases(calendars, HolidaysPackage(), clock, settings.zone, engine.wakes)
    parts = _Parts(
        store, accounts, clock, engine, tasks, people, cases, groups, places, keys, secrets, metrics
    )
    runner = web.AppRunner(_build_app(settings, parts), shutdown_timeout=REQUEST_GRACE_S)
    await runner.setup()
    assert runner.server is not None, "it is set up"
    try:
        await places.load()
        await engine.recover()
        await listener.serve(runner.server)
        engine.start()
        url = _url(settings.host, listener.addresses[0][1])
        secret = await people.setup_secret()
        link = None if secret is None else f"{url}/setup?token={secret}"
        yield Server(url=url, setup_link=link, tasks=tasks, engine=engine)
    finally:
        await engine.stop(timedelta(seconds=settings.drain_timeout))
        listener.close()
        await runner.cleanup()
        await http.close()


def _engine_config(settings: Settings) -> EngineConfig:
    limits = Limits(
        connect_timeout=timedelta(seconds=settings.connect_timeout),
        total_timeout=timedelta(seconds=settings.total_timeout),
        report_timeout=timedelta(seconds=settings.report_timeout),
        dns_timeout=timedelta(seconds=settings.dns_timeout),
        first_byte_timeout=None
        if settings.first_byte_timeout is None
        else timedelta(seconds=settings.first_byte_timeout),
    )
    rate = None if settings.destination_rate is None else read_rate(settings.destination_rate)
    allowance = Allowance(slots=settings.destination_slots, rate=rate)
    return EngineConfig(
        node=uuid4().hex,
        slots=settings.slots,
        limits=limits,
        allowance=allowance,
        keep=settings.keep,
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    store: SqlStore
    accounts: Accounts
    clock: Clock
    engine: Engine
    tasks: Tasks
    people: People
    calendars: CalendarCases
    groups: GroupCases
    destinations: DestinationCases
    signing: SigningCases
    secrets: SecretCases
    metrics: Metrics


def _build_app(settings: Settings, parts: _Parts) -> web.Application:
    app = web.Application(middlewares=middlewares(settings), client_max_size=BODY_LIMIT)
    app.on_response_prepare.append(finish)
    replays = ReplayCases(parts.store, parts.clock, lambda: uuid4().hex, parts.engine.dispatch_by)
    whys = Whys(parts.store, parts.store, parts.groups, parts.clock)
    pages = Pages(
        tasks=parts.tasks,
        groups=parts.groups,
        people=parts.people,
        clock=parts.clock,
        zone=settings.zone,
        lang=settings.lang,
        version=__version__,
        calendars=parts.calendars,
        signing=parts.signing,
        secrets=parts.secrets,
        replays=replays,
        whys=whys,
        destinations=parts.destinations,
        limits=_engine_config(settings).limits,
    )
    rest = RestDialect(parts.tasks, parts.groups, parts.clock, settings.zone, settings.lang)
    habits = Habits(zone=settings.zone, repeat_count=RepeatCount(settings.repeat_count))
    reports = Reports(parts.store, parts.clock, parts.engine.wakes, _engine_config(settings).limits)
    doors: list[Door] = [
        IuapDialect(parts.tasks, parts.groups, reports, parts.clock, habits, settings.lang),
        rest,
        ImportRoutes(
            parts.tasks, parts.groups, parts.clock, portion_reader, settings.lang, rest.refuse
        ),
        ReplayRoutes(replays, settings.zone, settings.lang, rest.refuse),
        ReportRoutes(reports, rest.refuse),
        CalendarRoutes(parts.calendars, settings.lang, rest.refuse),
        GroupRoutes(parts.groups, rest.refuse),
        DestinationRoutes(parts.destinations, rest.refuse),
        SigningRoutes(parts.signing, rest.refuse),
        SecretRoutes(parts.secrets, rest.refuse),
        WhyRoutes(whys, settings.lang, rest.refuse),
        Schedules(parts.calendars, parts.clock, settings.zone, settings.lang, rest.refuse),
        Health(
            parts.store,
            lambda: parts.engine.draining,
            lambda: parts.engine.auditor.found,
            lambda: parts.store.checking,
            rest.refuse,
        ),
        MetricsDoor(_reading(parts), rest.refuse),
        pages,
    ]
    open_door = settings.auth == "off" or (settings.auth == "auto" and is_private(settings))
    pace = Pace(settings.rate_limit, settings.rate_burst)
    guards: dict[Access, Guard] = {
        Access.PUBLIC: OpenGuard(),
        Access.MACHINE: TokenGuard(parts.accounts, parts.clock, pace, open_door=open_door),
        Access.PERSON: parts.people,
    }
    for door in doors:
        mount(app, door.routes(), guards)
    pages.setup(app)
    return app


def _reading(parts: _Parts) -> Reading:
    """What /metrics shows: asked of the store when it is asked for, so that a server that nobody watches reads nothing."""

    async def read(accept: str) -> tuple[bytes, str]:
        figures = await parts.store.figures(parts.clock.now())
        places = await parts.destinations.figures()
        return parts.metrics.page(accept, figures, parts.engine.in_flight, places)

    return read


def _url(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"
