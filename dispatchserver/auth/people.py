"""People and their sessions: set-up, sign-in, sign-out, and the guard of every page behind it."""

import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.message import Message
from email.parser import BytesParser
from urllib.parse import parse_qsl

from aiohttp import web

from dispatchserver.auth.doors import NotAdmitted
from dispatchserver.auth.gate import READING
from dispatchserver.auth.intake import read_body
from dispatchserver.auth.passwords import Passwords, check_password
from dispatchserver.auth.throttle import Throttle
from dispatchserver.domain.access import Session
from dispatchserver.domain.errors import Fault, Invalid, Refused, StoreUnavailable
from dispatchserver.ports import Clock
from dispatchserver.registries import Accounts

COOKIE = "dsid"
SESSION = web.RequestKey("session", Session)
FORM = web.RequestKey("form", dict[str, str])
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)
NAME_LIMIT = 64
FORM_FIELDS = 160
ReadFields = Callable[[bytes, str], dict[str, str]]

log = logging.getLogger(__name__)


class People:
    """Admits who carries the cookie of a live session; a changing request must carry its CSRF token too."""

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock
        self._passwords = Passwords()
        self._throttle = Throttle()
        self._setup: str | None = None

    async def admit(self, request: web.Request) -> str:
        """The person of this session; raises NotAdmitted, and Invalid for an unreadable form."""
        session = await self._find(request.cookies.get(COOKIE))
        if request.method not in READING:
            form = await read_form(request, FORMS_OF_PEOPLE)
            if not _same(form.get("csrf", ""), session.csrf):
                raise NotAdmitted("auth.csrf")
        request[SESSION] = session
        return f"user:{session.user}"

    async def _find(self, secret: str | None) -> Session:
        if not secret:
            raise NotAdmitted("auth.session_missing")
        session = await self._accounts.find_session(_hash(secret))
        if session is None:
            raise NotAdmitted("auth.session_ended")
        now = self._clock.now()
        if now - session.created_at >= LONGEST or now - session.seen_at >= IDLE:
            await self._accounts.end_session(session.secret_hash)
            raise NotAdmitted("auth.session_ended")
        if now - session.seen_at >= TOUCH_EVERY:
            await self._touch(session, now)
        return session

    async def _touch(self, session: Session, now: datetime) -> None:
        try:
            await self._accounts.touch_session(session.secret_hash, now)
        except StoreUnavailable as error:  # pages can be looked at while nothing can be stored
            log.info("session.not_touched", extra={"why": error.params["why"]})

    async def login(self, name: str, password: str, address: str) -> str:
        """A new session's secret; raises Invalid for a wrong name or password, and after too many of them."""
        who = (name[:NAME_LIMIT], address)
        self._throttle.enter(who, self._clock.now())
        kept = await self._accounts.find_password(name) if len(name) <= NAME_LIMIT else None
        if not await self._passwords.verify(kept, password):
            raise Invalid("auth.wrong")
        self._throttle.forgive(who)
        return await self._begin(name)

    async def logout(self, secret: str | None) -> None:
        """Ends the session of this secret, if there is one."""
        if secret:
            await self._accounts.end_session(_hash(secret))

    async def setup_secret(self) -> str | None:
        """The one-time secret that makes the first admin; None once there is a user."""
        if await self._accounts.count_users():
            self._setup = None
        elif self._setup is None:
            self._setup = secrets.token_urlsafe(32)
        return self._setup

    def is_setup_secret(self, shown: str) -> bool:
        """Whether this is the secret that was given out and not used yet."""
        known = self._setup
        return known is not None and _same(known, shown)

    async def set_up(self, shown: str, name: str, password: str) -> str:
        """Makes the first admin and signs them in; raises NotAdmitted for a wrong or used secret, and Invalid."""
        check_user_name(name)
        check_password(password)
        if not self.is_setup_secret(shown):
            raise NotAdmitted("auth.setup_wrong")
        self._setup = None  # void before the first await: two requests cannot both use it
        try:
            await self._add_first(name, password)
        except StoreUnavailable:
            self._setup = shown
            raise
        return await self._begin(name)

    async def _add_first(self, name: str, password: str) -> None:
        kept = await self._passwords.hash(password)
        if await self._accounts.count_users():
            raise NotAdmitted("auth.setup_wrong")
        await self._accounts.add_user(name, kept, self._clock.now())

    async def _begin(self, user: str) -> str:
        secret, now = secrets.token_urlsafe(32), self._clock.now()
        session = Session(
            secret_hash=_hash(secret),
            user=user,
            csrf=secrets.token_urlsafe(32),
            created_at=now,
            seen_at=now,
        )
        await self._accounts.end_old_sessions(now - LONGEST, now - IDLE)
        await self._accounts.add_session(session)
        return secret


def check_user_name(name: str) -> str:
    """The name when a person can have it; raises Invalid otherwise."""
    if not 1 <= len(name) <= NAME_LIMIT or not name.isprintable() or name != name.strip():
        raise Invalid("auth.name", limit=NAME_LIMIT)
    return name


def _hash(secret: str) -> str:
    # 256 random bits need no slow hash: there is nothing to guess.
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


async def read_form(
    request: web.Request, readers: Mapping[str, ReadFields] | None = None
) -> dict[str, str]:
    """The fields of a form, read once; raises Invalid for another type or too many fields.

    Who is signed in may send files too, which are taken as text; reading those costs more.
    """
    if FORM not in request:
        read = (FORMS if readers is None else readers).get(request.content_type)
        if read is None:
            raise Invalid("auth.form")
        request[FORM] = read(await read_body(request), request.headers["Content-Type"])
    return request[FORM]


def _plain(body: bytes, _: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FORM_FIELDS
        )
    except ValueError as error:
        raise Invalid("auth.form") from error
    return dict(pairs)


def _with_files(body: bytes, content_type: str) -> dict[str, str]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    boundary = BytesParser().parsebytes(head, headersonly=True).get_boundary() or ""
    # counted first, since parsing thousands of parts takes long
    if body.count(f"--{boundary}".encode()) > FORM_FIELDS + 1:
        raise Invalid("auth.form")
    parts = BytesParser().parsebytes(head + body).get_payload()
    if not isinstance(parts, list):
        raise Invalid("auth.form")
    return dict(_field(part) for part in parts if isinstance(part, Message))


def _field(part: Message) -> tuple[str, str]:
    """The name and the text of one part of a form with files."""
    name = part.get_param("name", header="content-disposition")
    content = part.get_payload(decode=True)
    if not isinstance(name, str) or not isinstance(content, bytes):
        raise Invalid("auth.form")
    try:
        return name, content.decode()
    except UnicodeDecodeError as error:
        raise Refused([Fault(field=name, code="wire.utf8")]) from error


FORMS: Mapping[str, ReadFields] = {"application/x-www-form-urlencoded": _plain}
FORMS_OF_PEOPLE = {**FORMS, "multipart/form-data": _with_files}


def carry(response: web.StreamResponse, secret: str, *, secure: bool) -> None:
    """Gives the browser the session's cookie."""
    response.set_cookie(COOKIE, secret, httponly=True, samesite="Strict", secure=secure, path="/")


def forget(response: web.StreamResponse) -> None:
    """Takes the session's cookie back."""
    response.del_cookie(COOKIE, path="/")
