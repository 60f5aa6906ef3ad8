"""Set-up, sign-in, sessions and CSRF, over HTTP."""

from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO

import pytest
from aiohttp import web

from dispatchserver.auth.passwords import Passwords
from dispatchserver.auth.people import COOKIE, carry
from dispatchserver.auth.throttle import KEYS_LIMIT, Throttle
from dispatchserver.domain.errors import Invalid
from pages.conftest import PASSWORD, Browser, House

STRANGE = ["https://evil.example/x", "//evil.example", "/\\evil.example", "javascript:alert(1)"]


@pytest.fixture
async def browser(house: House) -> AsyncIterator[Browser]:
    async with Browser.open(house) as browser:
        yield browser


async def make_admin(house: House) -> None:
    secret = await house.people.setup_secret()
    assert secret is not None
    await house.people.set_up(secret, "admin", PASSWORD)


def attempt(password: str = PASSWORD, **more: str) -> dict[str, str]:
    return {"name": "admin", "password": password, **more}


async def test_the_set_up_link_makes_the_first_admin_once(house: House, browser: Browser) -> None:
    secret = await house.people.setup_secret()
    assert (await browser.get("/setup", token=secret or "")).status == 200
    form = {"token": secret or "", "name": "admin", "password": PASSWORD, "again": PASSWORD}
    made = await browser.post("/setup", form)
    assert (made.status, made.headers["Location"]) == (303, "/tasks")
    assert (await browser.get("/tasks")).status == 200
    assert (await browser.post("/setup", form | {"name": "second"})).status == 403
    assert (await browser.get("/setup", token=secret or "")).status == 403
    assert await house.people.setup_secret() is None


async def test_set_up_tells_all_faults_and_keeps_the_link_good(
    house: House, browser: Browser
) -> None:
    secret = await house.people.setup_secret() or ""
    form = {"token": secret, "name": " ", "password": "short", "again": "other"}
    refused = await browser.post("/setup", form)
    assert refused.status == 422
    assert refused.text.count('class="fault"') == 3
    assert house.people.is_setup_secret(secret)


@pytest.mark.parametrize("token", ["", "wrong", "\udcff"])
async def test_a_wrong_set_up_link_opens_nothing(
    house: House, browser: Browser, token: str
) -> None:
    assert not house.people.is_setup_secret(token)
    await house.people.setup_secret()
    assert not house.people.is_setup_secret(token)


async def test_signing_in_gives_a_new_session_each_time(house: House, browser: Browser) -> None:
    await make_admin(house)
    await browser.post("/login", attempt())
    first = browser.cookie(COOKIE)
    await browser.post("/login", attempt())
    second = browser.cookie(COOKIE)
    assert first != second
    browser.set_cookie(COOKIE, first)
    assert (await browser.get("/tasks")).status == 303


async def test_the_session_cookie_is_strict_and_out_of_scripts_reach(
    house: House, browser: Browser
) -> None:
    await make_admin(house)
    answer = await browser.post("/login", attempt())
    cookie = answer.headers["Set-Cookie"]
    assert all(part in cookie for part in ("dsid=", "HttpOnly", "SameSite=Strict", "Path=/"))


@pytest.mark.parametrize("name", ["admin", "nobody"])
async def test_a_wrong_password_and_an_unknown_user_are_told_alike(
    house: House, browser: Browser, name: str
) -> None:
    await make_admin(house)
    refused = await browser.post("/login", {"name": name, "password": "not the password"})
    assert refused.status == 422
    assert "用户名或密码不对" in refused.text


async def test_five_failures_are_followed_by_a_wait(house: House, browser: Browser) -> None:
    await make_admin(house)
    for _ in range(5):
        assert (await browser.post("/login", attempt("wrong password"))).status == 422
    refused = await browser.post("/login", attempt())
    assert refused.status == 429
    assert "15 分钟后再试" in refused.text
    house.clock.ahead += timedelta(minutes=15)
    assert (await browser.post("/login", attempt())).status == 303


@pytest.mark.parametrize("strange", STRANGE)
async def test_signing_in_leads_only_to_our_own_pages(
    house: House, browser: Browser, strange: str
) -> None:
    await make_admin(house)
    answer = await browser.post("/login", attempt(next=strange))
    assert answer.headers["Location"] == "/tasks"
    answer = await browser.get("/lang", to="en", next=strange)
    assert answer.headers["Location"] == "/tasks"


async def test_who_is_not_signed_in_comes_back_to_the_page_asked_for(
    house: House, browser: Browser
) -> None:
    await make_admin(house)
    sent = await browser.get("/fires", state="failed")
    assert sent.headers["Location"] == "/login?next=%2Ffires%3Fstate%3Dfailed"
    answer = await browser.post("/login", attempt(next="/fires?state=failed"))
    assert answer.headers["Location"] == "/fires?state=failed"


@pytest.mark.parametrize("path", ["/task/run", "/task/delete", "/tasks/new", "/logout"])
async def test_a_change_needs_the_sessions_csrf_token(
    house: House, browser: Browser, path: str
) -> None:
    await make_admin(house)
    assert (await browser.post(path, {})).status == 403
    await browser.sign_in()
    assert (await browser.post(path, {})).status == 403
    assert (await browser.post(path, {"csrf": "wrong"})).status == 403
    assert (await browser.get("/tasks")).status == 200


async def test_signing_out_ends_the_session_on_the_server(house: House, browser: Browser) -> None:
    await make_admin(house)
    await browser.sign_in()
    cookie = browser.cookie(COOKIE)
    assert (await browser.post("/logout", {"csrf": browser.csrf})).status == 303
    browser.set_cookie(COOKIE, cookie)
    assert (await browser.get("/tasks")).status == 303


async def test_a_session_ends_when_idle(house: House, browser: Browser) -> None:
    await make_admin(house)
    await browser.sign_in()
    house.clock.ahead += timedelta(minutes=29)
    assert (await browser.get("/tasks")).status == 200
    house.clock.ahead += timedelta(minutes=29)
    assert (await browser.get("/tasks")).status == 200
    house.clock.ahead += timedelta(minutes=30)
    assert (await browser.get("/tasks")).status == 303


async def test_a_session_ends_after_half_a_day_however_busy(house: House, browser: Browser) -> None:
    await make_admin(house)
    await browser.sign_in()
    for _ in range(35):
        house.clock.ahead += timedelta(minutes=20)
        assert (await browser.get("/tasks")).status == 200
    house.clock.ahead += timedelta(minutes=20)
    assert (await browser.get("/tasks")).status == 303


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", "application/json"),
        (b"&".join(b"f%d=x" % i for i in range(200)), "application/x-www-form-urlencoded"),
    ],
)
async def test_only_plain_small_forms_are_read(
    house: House, browser: Browser, body: bytes, kind: str
) -> None:
    answer = await browser.send("/login", data=body, headers={"Content-Type": kind})
    assert answer.status == 400


async def test_a_form_that_is_too_large_is_refused(house: House, browser: Browser) -> None:
    big = BytesIO(b"name=" + b"x" * (1024 * 1024 + 1))
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await browser.send("/login", data=big, headers=kind)).status == 413


async def test_a_page_of_another_origin_cannot_send_our_forms(
    house: House, browser: Browser
) -> None:
    headers = {"Origin": "http://evil.example"}
    assert (await browser.send("/login", data=attempt(), headers=headers)).status == 403


async def test_unknown_users_cost_a_hash_too() -> None:
    passwords = Passwords()
    kept = await passwords.hash(PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify(kept, PASSWORD)
    assert not await passwords.verify(kept, PASSWORD + "x")
    assert not await passwords.verify(None, "nobody's password")
    assert not await passwords.verify("garbage", PASSWORD)
    assert not await passwords.verify(kept, PASSWORD + "x" * 200)


async def test_the_throttle_remembers_a_bounded_number_of_callers(house: House) -> None:
    throttle, now = Throttle(), house.clock.now()
    for n in range(KEYS_LIMIT + 10):
        throttle.enter(n, now)
    assert len(throttle._tries) == KEYS_LIMIT
    for _ in range(4):
        throttle.enter(KEYS_LIMIT, now)
    with pytest.raises(Invalid) as refused:
        throttle.enter(KEYS_LIMIT, now + timedelta(minutes=14, seconds=30))
    assert refused.value.params == {"minutes": 1}


async def test_the_login_page_says_when_there_is_nobody_yet(house: House, browser: Browser) -> None:
    assert "还没有管理员" in (await browser.get("/login")).text
    await make_admin(house)
    assert "还没有管理员" not in (await browser.get("/login")).text


async def test_an_https_request_gets_a_secure_cookie() -> None:
    response = web.Response()
    carry(response, "secret", secure=True)
    assert response.cookies[COOKIE]["secure"] is True
