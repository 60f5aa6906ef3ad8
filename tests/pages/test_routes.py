"""Several addresses on the form, on the task's page, in the log, and on the page of a fire."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchserver.domain.errors import Refused
from dispatchserver.domain.fire import FireState
from dispatchserver.domain.listing import TaskStatus
from dispatchserver.domain.recall import HttpRecall, Recall, SocketRecall
from dispatchserver.domain.retrypolicy import Retry
from dispatchserver.domain.route import Route, RouteRule
from dispatchserver.domain.task import Task, TaskKey
from dispatchserver.engine.executor import Limits
from dispatchserver.engine.tasks import FireHistory
from dispatchserver.pages.fields import blank_fields, task_fields
from dispatchserver.pages.fireviews import fire_page
from dispatchserver.pages.forms import TaskForm
from dispatchserver.pages.formviews import Setting, form_view
from dispatchserver.pages.views import task_page, task_row
from dispatchserver.pages.words import Viewer
from tests.builders import NOON, UTC_ZONE, a_fire, a_task, at
from tests.pages.conftest import Browser, House, shown_form

KEY = TaskKey(group="demo", name="routed")
EN, ZH = (Viewer(lang=lang, now=NOON) for lang in ("en", "zh"))
A, B, C = (f"http://{name}.test/cb" for name in "abc")
ROUTES = st.sampled_from([rule for rule in RouteRule if rule is not RouteRule.HASH]).map(
    lambda rule: Route(rule=rule)
) | st.just(Route(rule=RouteRule.HASH, by="$.order.customer"))
URLS = st.builds(HttpRecall, url=st.just(A), also=st.sampled_from([(B,), (B, C)]), route=ROUTES)
PLACES = st.builds(
    SocketRecall,
    host=st.just("10.0.0.7"),
    port=st.just(9100),
    also=st.just((("fd00::7", 9200), ("h", 1))),
    route=ROUTES,
)


def read(task: Task | None = None, **fields: str) -> Recall:
    fields = {"group": "g", "name": "n", "url": A} | fields
    return TaskForm(blank_fields() | fields, UTC_ZONE, NOON, task).read().spec.recall


def faults(**fields: str) -> dict[str, str]:
    with pytest.raises(Refused) as refused:
        read(**fields)
    return {fault.field: fault.code for fault in refused.value.faults}


@given(URLS | PLACES)
def test_several_addresses_sent_back_unchanged_are_the_same(recall: Recall) -> None:
    task = a_task(recall=recall)
    assert read(task, **task_fields(task)) == recall


def test_lines_are_addresses_and_blank_ones_are_nothing() -> None:
    recall = read(also=f"\r\n  {B}  \r\n\r\n{C}\r\n")
    assert recall == HttpRecall(url=A, also=(B, C))
    socket = read(recall="SOCKET", host="h", port="9100", also="10.0.0.8:9100\n[fd00::7]:9200")
    assert socket.addresses == ("h:9100", "10.0.0.8:9100", "[fd00::7]:9200")


def test_without_further_addresses_a_route_says_nothing() -> None:
    assert read(route="hash", also="  \n") == HttpRecall(url=A)


def test_every_fault_of_an_address_stands_at_its_field() -> None:
    assert faults(also=f"{B}\nftp://c.test/") == {"also": "recall.url_scheme"}
    assert faults(also=f"{B}\n{A}") == {"also": "route.twice"}
    assert faults(also="http://0x7f000001/") == {"also": "egress.spelling"}
    many = "\n".join(f"http://r{n}.test/" for n in range(50))
    assert faults(also=many) == {"also": "route.count"}
    assert faults(also=B, route="nearest") == {"route": "field.choice"}
    assert faults(also=B, route="hash") == {"route_by": "fault.required"}
    assert faults(also=B, route="hash", route_by="a.b") == {"route_by": "route.path"}
    socket = {"recall": "SOCKET", "host": "h", "port": "9100"}
    assert faults(**socket, also="10.0.0.8") == {"also": "route.place"}
    assert faults(**socket, also="10.0.0.8:0") == {"also": "recall.port"}


def test_the_line_at_fault_is_named() -> None:
    with pytest.raises(Refused) as refused:
        read(also=f"{B}\n\nnonsense")
    setting = Setting(kept=None, limits=Limits())
    view = form_view(blank_fields() | {"also": "x"}, refused.value, setting, EN)
    assert view.faults_of("also")[0].startswith("line 3: ")
    assert view.opened("addresses")
    assert not form_view(blank_fields(), None, setting, EN).opened("addresses")


def test_the_tasks_page_names_all_addresses_and_the_rule() -> None:
    by = Route(rule=RouteRule.HASH, by="$.order.customer")
    recall = HttpRecall(url=A, also=(B,), route=by)
    status = TaskStatus(task=a_task(recall=recall))
    shown = {fact.label: fact.value for fact in task_page(status, EN).target}
    assert shown["page.fact.addresses"] == f"{A}\n{B}"
    assert shown["page.fact.route"] == "the same for the same data: $.order.customer"
    assert (task_row(status, EN).more, task_row(status, ZH).more) == ("+ 1 more", "另有 1 个")
    alone = TaskStatus(task=a_task(recall=HttpRecall(url=A)))
    assert task_row(alone, EN).more == ""
    assert "page.fact.addresses" not in {fact.label for fact in task_page(alone, EN).target}


def test_a_shard_says_which_it_is_and_whom_it_calls() -> None:
    recall = HttpRecall(url=A, also=(B, C), route=Route(rule=RouteRule.BROADCAST))
    fire = a_fire(shard=1, shards=3, state=FireState.SUCCEEDED, finished_at=at(1))
    page = fire_page(FireHistory(fire=fire, attempts=(), recall=recall), UTC_ZONE, EN)
    assert (page.row.shard, page.address) == ("2 of 3", f"HTTP {B}")
    assert '"shardIndex":1,"shardTotal":3' in page.body
    alone = FireHistory(fire=a_fire(), attempts=(), recall=HttpRecall(url=A))
    assert fire_page(alone, UTC_ZONE, EN).row.shard == ""


def test_attempts_that_went_on_leave_the_repetitions_to_come() -> None:
    fire = a_fire(attempts=3, failovers=2, run_at=at(5))
    history = FireHistory(fire=fire, attempts=(), recall=None)
    assert "Attempt 4 of 6 is next" in fire_page(history, UTC_ZONE, EN, Retry()).explanation


async def test_a_broadcast_made_on_the_form_runs_by_hand_in_shards(
    house: House, admin: Browser
) -> None:
    admin.set_cookie("lang", "en")
    fields = shown_form((await admin.get("/tasks/new")).text)
    several = {"url": A, "also": f"{B}\n{C}", "route": "broadcast"}
    named = {"group": KEY.group, "name": KEY.name}
    answer = await admin.act("/tasks/new", **fields | named | several)
    assert answer.status == 303
    recall = (await house.tasks.find(KEY)).task.spec.recall
    assert recall == HttpRecall(url=A, also=(B, C), route=Route(rule=RouteRule.BROADCAST))
    shown = await admin.get("/task", **named)
    assert "all of them, a run each" in shown.text and f"{A}\n{B}\n{C}" in shown.text
    assert (await admin.act("/task/run", **named, next="/tasks")).status == 303
    log = await admin.get("/fires", **named)
    assert [f"{n} of 3" in log.text for n in (1, 2, 3)] == [True] * 3


async def test_a_broadcast_beside_overlap_is_refused_at_the_route(
    house: House, admin: Browser
) -> None:
    admin.set_cookie("lang", "en")
    fields = shown_form((await admin.get("/tasks/new")).text)
    named = {"group": KEY.group, "name": KEY.name, "url": A, "also": B}
    page = await admin.act(
        "/tasks/new", **fields | named | {"route": "broadcast", "overlap": "skip"}
    )
    assert page.status == 422
    assert "cannot stand beside the overlap policy skip" in page.text
    assert '<a href="#route">' in page.text


async def test_a_further_address_that_is_forbidden_is_named_by_its_line(
    house: House, admin: Browser
) -> None:
    admin.set_cookie("lang", "en")
    fields = shown_form((await admin.get("/tasks/new")).text)
    also = f"{B}\n\nhttp://169.254.169.254/"
    named = {"group": KEY.group, "name": KEY.name, "url": A, "also": also}
    page = await admin.act("/tasks/new", **fields | named)
    assert page.status == 422
    assert "line 3: 169.254.169.254 is a cloud metadata service" in page.text
    assert '<a href="#also">' in page.text


def test_a_client_certificate_wants_https_of_every_address() -> None:
    mtls = {"auth": "mtls", "auth_secret": "cert"}
    assert faults(url="https://a.test/", also=B, **mtls) == {"auth": "sending.https"}
    recall = read(url="https://a.test/", also="https://b.test/", **mtls)
    assert isinstance(recall, HttpRecall) and recall.auth is not None


def test_what_a_fire_of_several_is_sent_to_is_told_line_by_line() -> None:
    recall = replace(HttpRecall(url=A, also=(B,)), route=Route(rule=RouteRule.RANDOM))
    page = fire_page(FireHistory(fire=a_fire(), attempts=(), recall=recall), UTC_ZONE, EN)
    assert page.address == f"HTTP {A}\n{B}"
