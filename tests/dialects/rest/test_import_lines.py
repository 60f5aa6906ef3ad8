"""Lines of an import, read many at a time: each says what it would say alone, and what an export printed of a task."""

import json
import pickle
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchserver.cli.transfer import SAID
from dispatchserver.dialects.rest.lines import Bad, Manner, OnError, Said, Terms
from dispatchserver.dialects.rest.portions import Portion
from dispatchserver.dialects.rest.wire import task_doc
from dispatchserver.domain.defaults import NO_DEFAULTS
from dispatchserver.domain.group import Usuals
from dispatchserver.domain.listing import TaskStatus
from dispatchserver.domain.recall import HttpRecall, RecallKind, SocketRecall
from dispatchserver.domain.retrypolicy import Backoff, Retry
from dispatchserver.domain.task import Policies
from dispatchserver.importaside import portion_reader
from dispatchserver.ports import NewTasks
from tests.builders import ALICE, NOON, UTC_ZONE, a_task, at
from tests.shapes import BERLIN, SHAPES, simple

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
data = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=10,
).filter(lambda value: not (isinstance(value, str) and value.lstrip()[:1] in ("", "{")))
recalls = st.builds(HttpRecall, url=st.sampled_from(["http://a/", "http://b/"]), data=data) | (
    st.builds(SocketRecall, host=st.just("c"), port=st.sampled_from([9, 10]), data=data)
)
triggers = st.sampled_from([*SHAPES.values()]) | simple.filter(
    lambda trigger: trigger.end is None or trigger.end > trigger.start
)
policies = st.sampled_from(
    [
        Policies(),
        Policies(total_timeout=timedelta(seconds=3), spread=timedelta(minutes=1)),
        Policies(retry=Retry(pauses=Backoff(most=2))),
    ]
)
specs = {"recall": recalls, "policies": policies, "priority": st.integers(-9, 9), "note": words}
tasks = st.lists(
    st.builds(
        lambda trigger, spec: a_task(trigger, **spec),
        triggers,
        st.fixed_dictionaries(specs),
    ),
    max_size=8,
)


def an_export(task, number):
    """The line of a task, as `task export` prints it."""
    doc = task_doc(TaskStatus(task=task)) | {"name": f"task {number}"}
    return json.dumps({name: doc[name] for name in SAID}, ensure_ascii=False).encode()


MANNER = Manner(on_error=OnError.SKIP, overwrite=True)
USUALS = Usuals(by_group={}, zone=UTC_ZONE, policies=NO_DEFAULTS)
TERMS = Terms(manner=MANNER, now=NOON, usuals=USUALS)


def handed_over(value):
    """As it comes out of another process."""
    return pickle.loads(pickle.dumps(value))


def read(lines):
    """What these lines say, read together, elsewhere."""
    portion = Portion(lines=list(enumerate(lines, 1)), manner=MANNER, now=NOON, usuals=USUALS)
    return handed_over(portion_reader()(handed_over(portion)))


@given(tasks)
def test_whatever_is_exported_is_read_as_the_tasks_that_it_was(tasks):
    found = read([an_export(task, number) for number, task in enumerate(tasks)])
    for number, (task, said) in enumerate(zip(tasks, found, strict=True)):
        assert isinstance(said, Said), said
        addition = said.addition(TERMS)
        assert (addition.key.name, addition.spec) == (f"task {number}", task.spec)
        told, kept = addition.spec.recall.data, task.spec.recall.data
        assert json.dumps(told) == json.dumps(kept)


SOUND = {
    "group": "group",
    "name": "a",
    "trigger": {"kind": "simple", "start": "2999-01-01T00:00:00Z"},
    "recall": {"kind": "HTTP", "url": "http://a/", "data": 1},
}
# Read together, triggers that differ in their start alone are read once; what else hangs on the start must show.
STARTS = st.fixed_dictionaries(
    {"kind": st.just("simple")},
    optional={
        "start": st.sampled_from(
            ["2999-01-01T00:00:00Z", "2999-01-01 08:00", 32472144000000, "", None, "soon", 7, [1]]
        ),
        "end": st.sampled_from(["2999-06-01T00:00:00Z", "2998-01-01T00:00:00Z"]),
        "after": st.just("5m"),
        "interval_s": st.sampled_from([60, 90]),
        "zone": st.sampled_from(["Asia/Shanghai", "UTC"]),
    },
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["b", "", 7, None, " c", "x" * 300]),
        "trigger": st.sampled_from(
            [
                {"kind": "simple", "start": "2999-01-01T00:00:00Z", "interval_s": 60},
                {"kind": "simple", "interval_s": -1},
                {"kind": "simple", "colour": "red"},
                {"kind": "cron", "expression": "0 0 12 * * ?"},
                {"kind": "cron", "expression": "0 61 * * * ?"},
                {"kind": "delay", "delay_s": 60},
                {},
                None,
                '{"kind": "cron", "expression": "0 0 12 * * ?"}',
            ]
        ),
        "recall": st.sampled_from(
            [
                {"kind": "HTTP", "url": "http://a/", "data": True},
                {"kind": "HTTP", "url": "http://a/", "data": "\0"},
                {"kind": "HTTP", "url": "http://a/"},
                {"kind": "HTTP", "url": "http://a/", "data": ""},
                {"kind": "HTTP", "url": "http://a/", "data": '{"a": [1.0]}'},
                {"kind": "HTTP", "url": "http://a/", "data": '{"a": '},
                {"kind": "HTTP", "url": "http://a/", "data": "x" * 300_000},
                {"kind": "HTTP", "url": "ftp://a/"},
                "x",
            ]
        ),
        "policies": st.sampled_from(
            [{"misfire": "DO_NOTHING"}, {"misfire": "FIRE_NOW"}, {"timeout": "3s"}, {"tiemout": 3}]
        ),
        "paused": st.sampled_from([True, "perhaps"]),
        "version": st.integers(1, 3),
        "note": st.sampled_from(["", "n"]),
    },
)


@given(
    st.lists(CHANGES, max_size=12)
    | st.lists(st.fixed_dictionaries({"trigger": STARTS}), max_size=12)
)
def test_each_line_says_together_with_others_what_it_says_alone_also_where_it_is_faulty(changes):
    lines = [json.dumps(SOUND | change).encode() for change in changes]
    for line, together in zip(lines, read(lines), strict=True):
        (alone,) = read([line])
        assert type(alone) is type(together)
        if isinstance(alone, Bad):
            assert together.error.faults == alone.error.faults
            assert together.error.params == alone.error.params
        else:
            assert told(together) == told(alone)


def test_what_is_usual_holds_from_where_it_was_told_until_it_is_told_anew():
    reader, line = portion_reader(), json.dumps(SOUND | {"policies": {}}).encode()
    usual = {
        zone: Usuals(by_group={}, zone=zone, policies=NO_DEFAULTS) for zone in (UTC_ZONE, BERLIN)
    }
    zones = []
    for usuals in (usual[UTC_ZONE], None, usual[BERLIN], None):
        portion = Portion(lines=[(1, line)], manner=MANNER, now=NOON, usuals=usuals)
        zones += [said.trigger.zone for said in reader(handed_over(portion))]
    assert zones == [UTC_ZONE, UTC_ZONE, BERLIN, BERLIN]


def ready(*changes, reader=None, adding=ALICE):
    """What a process aside makes of these lines, where they are taken for new tasks."""
    lines = [json.dumps(SOUND | change).encode() for change in changes]
    portion = Portion(
        lines=list(enumerate(lines, 1)), manner=MANNER, now=NOON, usuals=USUALS, adding=adding
    )
    return handed_over((reader or portion_reader())(handed_over(portion)))


def test_new_tasks_are_made_ready_with_whom_they_call_and_when_the_first_is_due():
    soon = {"kind": "simple", "after": "5m"}
    other = {"kind": "SOCKET", "host": "b", "port": 7}
    new = ready({"name": "a"}, {"name": "b", "trigger": soon}, {"name": "c", "recall": other})
    assert isinstance(new, NewTasks)
    assert (new.count, new.soonest) == (3, NOON + timedelta(minutes=5))
    assert new.calls == {(RecallKind.HTTP, ("http://a/",)), (RecallKind.SOCKET, ("b:7",))}
    assert ready({"paused": True}).soonest is None


HANGING = {
    "a faulty line": {"priority": "high"},
    "a calendar": {"policies": {"calendar": "CN"}},
    "a secret": {"recall": SOUND["recall"] | {"auth": {"bearer": {"secret": "s"}}}},
    "no occasion": {"trigger": {"kind": "simple", "interval_s": 60, "end": "2001-01-01T00:00:00Z"}},
    "a name twice": {"name": "b"},
}


@pytest.mark.parametrize("change", HANGING.values(), ids=HANGING)
def test_what_only_the_server_can_tell_of_one_line_is_asked_of_all(change):
    found = ready({"name": "b"}, {"name": "c"} | change)
    assert [type(each) for each in found] in ([Said, Said], [Said, Bad])
    assert ready({"name": "b"}).count == 1


def test_what_was_read_before_does_not_show_in_what_is_read_later():
    reader = portion_reader()
    hourly, cron = (
        {"kind": "simple", "interval_s": 3600},
        {"kind": "cron", "expression": "0 0 9 * * ?"},
    )
    changes = [{"trigger": trigger} for trigger in (hourly, cron, SOUND["trigger"])]
    lines = [(1, json.dumps(SOUND | change).encode()) for change in changes]
    for zone, now in [(UTC_ZONE, NOON), (UTC_ZONE, at(60)), (BERLIN, at(60)), (UTC_ZONE, at(90))]:
        usuals = Usuals(by_group={}, zone=zone, policies=NO_DEFAULTS)
        portion = Portion(lines=lines, manner=MANNER, now=now, usuals=usuals)
        terms = Terms(manner=MANNER, now=now, usuals=usuals)
        again, alone = reader(portion), portion_reader()(portion)
        assert [told(said, terms) for said in again] == [told(said, terms) for said in alone]


def told(said, terms=TERMS):
    """All that was read, apart from how it is told again."""
    addition = said.addition(terms)
    data = json.dumps(addition.spec.recall.data)
    return addition.key, addition.spec, data, addition.paused, addition.at, addition.overwrite
