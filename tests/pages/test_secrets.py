"""Secrets on their pages: set and never shown again, listed with who uses them; and the task form that names them."""

import re
from zoneinfo import ZoneInfo

import pytest

from dispatchserver.domain.authorization import (
    Auth,
    BasicAuth,
    BearerAuth,
    HeaderAuth,
    MtlsAuth,
)
from dispatchserver.domain.changing import Addition
from dispatchserver.domain.errors import Refused
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.secrets import SecretKey
from dispatchserver.domain.task import TaskKey, TaskSpec
from dispatchserver.domain.trigger import SimpleTrigger
from dispatchserver.engine.executor import Limits
from dispatchserver.pages.fields import task_fields
from dispatchserver.pages.formviews import Setting, form_view
from dispatchserver.pages.words import Viewer
from pages.conftest import ADMIN, Browser, House
from pages.test_forms import NOW, a_task, faults, filled, read

CANARY = "canary-4711"
KEY = SecretKey(name="shop-api")
URL = "https://h/x"
EN = Viewer(lang="en", now=NOW)


async def add_task(house: House, name: str = "t", secret: str = KEY.name) -> None:
    recall = HttpRecall(url=URL, auth=BasicAuth(user="u", secret=secret), headers=(("X-A", "1"),))
    trigger = SimpleTrigger(start=house.clock.now(), zone=ZoneInfo("UTC"))
    spec = TaskSpec(trigger=trigger, recall=recall)
    key = TaskKey(group="g", name=name)
    await house.tasks.add(Addition(key=key, spec=spec, at=house.clock.now()), ADMIN)


async def versions(house: House) -> dict[str, int]:
    return {secret.key.name: secret.version for secret in await house.secrets.list("default")}


async def test_a_secret_is_set_listed_and_given_a_new_value(house: House, admin: Browser) -> None:
    assert "还没有凭据" in (await admin.get("/secrets")).text
    done = await admin.act("/secrets/new", name=" shop-api ", value=CANARY)
    assert (done.status, done.headers["Location"]) == (303, "/secrets?done=secret_saved")
    page = await admin.get("/secrets", done="secret_saved")
    assert "凭据已保存" in page.text and "shop-api" in page.text and "user:admin" in page.text
    asked = await admin.get("/secret/edit", name="shop-api")
    assert re.search(r"<textarea[^>]*></textarea>", asked.text)
    again = await admin.act("/secret/edit", name="shop-api", value=f"{CANARY}\r\nmore\r\n")
    assert again.status == 303
    assert await versions(house) == {"shop-api": 2}
    for answer in (page, asked, again):
        assert "canary" not in answer.text


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ({"name": "a b", "value": CANARY}, ["name"]),
        ({"name": "", "value": CANARY}, ["name"]),
        ({"name": "a", "value": ""}, ["value"]),
        ({"name": "a", "value": " \r\n "}, ["value"]),
        ({"name": "a", "value": CANARY + "x" * 17_000}, ["value"]),
        ({"name": "a b"}, ["name", "value"]),
    ],
)
async def test_what_is_refused_is_told_at_its_field_and_the_value_is_not_shown(
    house: House, admin: Browser, form: dict[str, str], fields: list[str]
) -> None:
    answer = await admin.act("/secrets/new", **form)
    faulty = re.findall(r'<(?:input|textarea) id="(\w+)"[^>]*aria-invalid', answer.text)
    assert (answer.status, faulty) == (422, fields)
    assert "canary" not in answer.text and "请重新输入" in answer.text
    assert await versions(house) == {}


async def test_a_new_secret_does_not_overwrite_one_of_its_name(
    house: House, admin: Browser
) -> None:
    await house.secrets.put(KEY, CANARY, ADMIN)
    answer = await admin.act("/secrets/new", name="shop-api", value="another")
    assert (answer.status, "已有同名凭据" in answer.text) == (422, True)
    assert await versions(house) == {"shop-api": 1}


async def test_a_value_that_its_tasks_could_not_send_is_refused(
    house: House, admin: Browser
) -> None:
    await house.secrets.put(KEY, CANARY, ADMIN)
    await add_task(house)
    answer = await admin.act("/secret/edit", name="shop-api", value="canary\nof two lines")
    assert (answer.status, "不能作密码" in answer.text) == (422, True)
    assert "canary" not in answer.text
    assert await versions(house) == {"shop-api": 1}


async def test_a_secret_in_use_is_not_deleted_and_its_tasks_are_named(
    house: House, admin: Browser
) -> None:
    await house.secrets.put(KEY, CANARY, ADMIN)
    await add_task(house)
    asked = await admin.get("/secret/delete", name="shop-api")
    assert "g / t" in asked.text and "有任务在使用它" in asked.text
    refused = await admin.act("/secret/delete", name="shop-api")
    assert (refused.status, "g/t" in refused.text) == (409, True)
    await house.tasks.delete(TaskKey(group="g", name="t"), ADMIN)
    assert "没有任务使用它" in (await admin.get("/secret/delete", name="shop-api")).text
    done = await admin.act("/secret/delete", name="shop-api")
    assert (done.status, done.headers["Location"]) == (303, "/secrets?done=secret_deleted")
    assert await versions(house) == {}


@pytest.mark.parametrize("path", ["/secret/edit", "/secret/delete"])
async def test_an_unknown_secret_is_a_page_that_says_so(
    house: House, admin: Browser, path: str
) -> None:
    await house.secrets.put(KEY, CANARY, ADMIN)
    answer = await admin.get(path, name="shop")
    assert (answer.status, "shop-api" in answer.text) == (404, True)


async def test_secrets_ask_for_a_session_and_its_token(house: House, admin: Browser) -> None:
    form = {"name": "a", "value": CANARY}
    assert (await admin.post("/secrets/new", form)).status == 403
    async with Browser.open(house) as stranger:
        assert (await stranger.post("/secrets/new", form)).status == 403
        assert (await stranger.get("/secrets")).headers["Location"].startswith("/login")
    assert await versions(house) == {}


async def test_a_task_s_page_shows_which_secret_by_its_name(house: House, admin: Browser) -> None:
    await house.secrets.put(KEY, CANARY, ADMIN)
    await add_task(house)
    text = (await admin.get("/task", group="g", name="t")).text
    assert '<a href="/secrets">shop-api</a>' in text
    assert "用户名和密码（Basic）：u" in text and "<code>X-A: 1</code>" in text
    assert CANARY not in text


async def test_the_form_offers_the_secrets_there_are_and_keeps_what_a_task_says(
    house: House, admin: Browser
) -> None:
    await house.secrets.put(KEY, CANARY, ADMIN)
    await house.secrets.put(SecretKey(name="other"), CANARY, ADMIN)
    await add_task(house)
    text = (await admin.get("/task/edit", group="g", name="t")).text
    assert re.findall(r'<option value="(other|shop-api)"( selected)?>', text) == [
        ("other", ""),
        ("shop-api", " selected"),
    ]
    assert 'value="basic" selected' in text and "X-A: 1</textarea>" in text
    assert CANARY not in text


async def test_a_task_is_made_with_a_secret_or_refused_at_the_field_that_names_it(
    house: House, admin: Browser
) -> None:
    await house.secrets.put(KEY, CANARY, ADMIN)
    form = filled(url=URL, auth="bearer", auth_secret="shop-ap")
    refused = await admin.act("/tasks/new", **form)
    assert refused.status == 422
    assert "是否想写 shop-api" in refused.text and 'href="#auth_secret"' in refused.text
    made = await admin.act("/tasks/new", **form | {"auth_secret": "shop-api"})
    assert made.status == 303
    status = await house.tasks.find(TaskKey(group="demo", name="hello"))
    recall = status.task.spec.recall
    assert isinstance(recall, HttpRecall) and recall.auth == BearerAuth(secret="shop-api")


AUTHS = [
    None,
    BearerAuth(secret="s"),
    BasicAuth(user="rené", secret="s"),
    HeaderAuth(name="X-K", secret="s"),
    MtlsAuth(secret="s"),
]


@pytest.mark.parametrize("auth", AUTHS, ids=[str(auth) for auth in AUTHS])
def test_a_task_s_fields_make_the_same_authentication_again(auth: Auth | None) -> None:
    recall = HttpRecall(url=URL, auth=auth, headers=(("X-A", "1: 2"), ("X-B", "b b")))
    task = a_task(recall=recall)
    _, spec = read(task, **task_fields(task))
    assert spec.recall == recall


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ({"auth": "bearer"}, {"auth_secret": "fault.required"}),
        ({"auth": "bearer", "auth_secret": "a b"}, {"auth_secret": "secret.name"}),
        ({"auth": "oauth", "auth_secret": "s"}, {"auth": "field.choice"}),
        ({"auth": "basic", "auth_secret": "s"}, {"auth_user": "fault.required"}),
        ({"auth": "basic", "auth_secret": "s", "auth_user": "a:b"}, {"auth_user": "sending.user"}),
        ({"auth": "header", "auth_secret": "s"}, {"auth_header": "fault.required"}),
        (
            {"auth": "header", "auth_secret": "s", "auth_header": "X K"},
            {"auth_header": "sending.header_name"},
        ),
        ({"auth": "mtls", "auth_secret": "s", "url": "http://h/"}, {"auth": "sending.https"}),
        ({"auth": "mtls", "auth_secret": "s", "url": ""}, {"url": "fault.required"}),
        ({"headers": "X-A"}, {"headers": "form.headers.line"}),
        ({"headers": "X A: 1"}, {"headers": "sending.header_name"}),
        ({"headers": "X-A: 1\nx-a: 2"}, {"headers": "sending.header_twice"}),
        ({"headers": "Host: x"}, {"headers": "sending.header_framing"}),
        (
            {"auth": "bearer", "auth_secret": "s", "headers": "Authorization: x"},
            {"headers": "sending.header_taken"},
        ),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_at_its_field(typed: dict[str, str], found: dict[str, str]) -> None:
    assert faults(**{"url": URL} | typed) == found


def test_a_line_that_is_no_header_is_named_by_its_number() -> None:
    with pytest.raises(Refused) as refused:
        read(url=URL, headers="X-A: 1\n\nnonsense")
    fields = filled(headers="X-A: 1\n\nnonsense")
    setting = Setting(kept=None, limits=Limits())
    view = form_view(fields, refused.value, setting, EN)
    assert view.faults_of("headers") == ["line 3: is not a header; write Name: value"]
    assert view.opened("auth")


def test_sockets_say_nothing_of_it() -> None:
    _, spec = read(recall="SOCKET", host="10.0.0.7", port="9100", auth="bearer", headers="nonsense")
    assert not isinstance(spec.recall, HttpRecall)
