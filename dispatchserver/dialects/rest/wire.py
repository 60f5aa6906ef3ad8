"""Domain values to JSON documents, and query strings to filters. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from dispatchserver.documents.policies import policies_doc
from dispatchserver.documents.recalls import recall_doc
from dispatchserver.documents.reports import notes_doc, progress_doc
from dispatchserver.documents.triggers import Doc, iso_or_none, trigger_doc
from dispatchserver.domain.errors import DispatchError, Invalid, Refused
from dispatchserver.domain.explaining import Notice
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader, as_boolean, as_integer, as_member, as_moment
from dispatchserver.domain.fire import Attempt, Fire, FireState, MissedRun, Reason
from dispatchserver.domain.listing import FireFilter, Page, PageRequest, T, TaskFilter, TaskStatus
from dispatchserver.domain.moments import iso
from dispatchserver.domain.task import DEFAULT_NAMESPACE, Restart, TaskState
from dispatchserver.domain.timetable import next_fire
from dispatchserver.engine.tasks import FireHistory
from dispatchserver.messages import say, say_error, say_fault
from dispatchserver.wording import say_notice

MOST_ROWS = 500


def task_doc(status: TaskStatus) -> Doc:
    """A task with its counters and its last result."""
    task = status.task
    spec = task.spec
    return {
        "namespace": task.key.namespace,
        "group": task.key.group,
        "name": task.key.name,
        "state": task.state,
        "paused": task.state is TaskState.PAUSED,
        "version": task.version,
        "priority": spec.priority,
        "note": spec.note,
        "labels": dict(spec.labels),
        "trigger": trigger_doc(spec.trigger),
        "recall": recall_doc(spec.recall),
        "policies": policies_doc(spec.policies),
        "next_fire_at": iso_or_none(next_fire(task)) if task.state is TaskState.ACTIVE else None,
        "restart": _restart_doc(task.restart),
        "created_at": iso(task.created_at),
        "updated_at": iso(task.updated_at),
        "counts": {
            "succeeded": status.succeeded,
            "failed": status.failed,
            "waiting": status.waiting,
        },
        "last": {
            "fire_id": status.last_fire_id,
            "state": status.last_state,
            "finished_at": iso_or_none(status.last_finished_at),
        },
    }


def _restart_doc(restart: Restart | None) -> Doc | None:
    """From when on, and how often, a simple trigger fires since a misfire began it anew."""
    return None if restart is None else {"at": iso(restart.at), "count": restart.count}


def notices_doc(notices: Sequence[Notice], zone: ZoneInfo, lang: str) -> list[Doc]:
    """What may surprise about a schedule or a task, each as a code and in words."""
    return [{"code": each.code, "text": say_notice(each, zone, lang)} for each in notices]


def fire_doc(fire: Fire, lang: str) -> Doc:
    """A fire, its reason also in words."""
    missed = fire.missed
    return {
        "id": fire.id,
        "namespace": fire.key.namespace,
        "group": fire.key.group,
        "name": fire.key.name,
        "version": fire.version,
        "kind": fire.kind,
        "state": fire.state,
        "reason": fire.reason,
        "explanation": None if fire.reason is None else say(lang, f"reason.{fire.reason}"),
        "priority": fire.priority,
        "due_at": iso(fire.due_at),
        "run_at": iso(fire.run_at),
        "held": fire.held,
        "turn": fire.waits_behind,
        "key": fire.key_name,
        "behind": fire.behind,
        "attempts": fire.attempts,
        "losses": fire.losses,
        "give_up_at": iso_or_none(fire.give_up_at),
        "deadline_at": iso_or_none(fire.deadline_at),
        "finished_at": iso_or_none(fire.finished_at),
        "result": fire.result,
        "progress": progress_doc(fire.current_progress),
        "replay_of": fire.replay_of,
        "shard": fire.shard,
        "shards": fire.shards,
        "missed": None if missed is None else _missed_doc(missed),
    }


def _missed_doc(missed: MissedRun) -> Doc:
    return {"first": iso(missed.first), "last": iso(missed.last), "count": missed.count}


def attempt_doc(attempt: Attempt) -> Doc:
    """One attempt: the transport's outcome and the verdict apart."""
    outcome, verdict = attempt.outcome, attempt.verdict
    return {
        "number": attempt.number,
        "node": attempt.node,
        "address": attempt.address,
        "started_at": iso(attempt.started_at),
        "ended_at": iso(attempt.ended_at),
        "outcome": {
            "delivery": outcome.delivery,
            "reason": outcome.reason,
            "detail": outcome.detail,
            "status": outcome.status,
            "excerpt": outcome.body.decode("utf-8", "replace"),
            "truncated": outcome.truncated,
            "connect_ms": outcome.connect_ms,
            "first_byte_ms": outcome.first_byte_ms,
        },
        "verdict": {
            "decision": verdict.decision,
            "reason": verdict.reason,
            "result": verdict.result,
            "at": iso_or_none(verdict.at),
        },
    }


def history_doc(history: FireHistory, lang: str) -> Doc:
    """A fire with its attempts and what it was told to call."""
    recall = history.recall
    return fire_doc(history.fire, lang) | {
        "recall": None if recall is None else recall_doc(recall),
        "attempt_log": [attempt_doc(attempt) for attempt in history.attempts],
        "reports": notes_doc(history.notes),
    }


def page_doc(page: Page[T], render: Callable[[T], Doc]) -> Doc:
    """One page of a list."""
    return {"items": [render(item) for item in page.items], "next_cursor": page.next_cursor}


def read_task_query(query: Mapping[str, str]) -> tuple[TaskFilter, PageRequest]:
    """The filter and page of GET /tasks; raises Refused."""
    faults = Faults()
    reader = _query_reader(
        query, faults, ("group", "q", "state", "calendar", "secret", "limit", "cursor")
    )
    state = reader.take("state", lambda value: as_member(value, TaskState), None)
    page = _read_page(query, reader)
    faults.raise_if_any()
    wanted = TaskFilter(
        namespace=DEFAULT_NAMESPACE,
        group=query.get("group"),
        text=query.get("q"),
        state=state,
        calendar=query.get("calendar"),
        secret=query.get("secret"),
    )
    return wanted, page


def read_fire_query(query: Mapping[str, str], zone: ZoneInfo) -> tuple[FireFilter, PageRequest]:
    """The filter and page of GET /fires; raises Refused."""
    faults = Faults()
    known = ("group", "name", "state", "reason", "address", "replayed", "since", "until")
    reader = _query_reader(query, faults, (*known, "limit", "cursor"))
    wanted = FireFilter(
        namespace=DEFAULT_NAMESPACE,
        group=query.get("group"),
        name=query.get("name"),
        state=reader.take("state", lambda value: as_member(value, FireState), None),
        reason=reader.take("reason", lambda value: as_member(value, Reason), None),
        address=query.get("address"),
        replayed=reader.take("replayed", as_boolean, None),
        since=reader.take("since", lambda value: as_moment(value, zone), None),
        until=reader.take("until", lambda value: as_moment(value, zone), None),
    )
    page = _read_page(query, reader)
    faults.raise_if_any()
    return wanted, page


def _query_reader(query: Mapping[str, str], faults: Faults, known: tuple[str, ...]) -> FieldReader:
    for name in query:
        if name not in known:
            faults.add(name, "field.unknown", query[name], allowed=", ".join(known))
    return FieldReader(query, faults)


def _read_page(query: Mapping[str, str], reader: FieldReader) -> PageRequest:
    limit = reader.take("limit", lambda value: _check_limit(as_integer(value)), 50)
    return PageRequest(limit=limit, cursor=query.get("cursor") or None)


def _check_limit(limit: int) -> int:
    if not 1 <= limit <= MOST_ROWS:
        raise Invalid("page.limit", limit=MOST_ROWS)
    return limit


@contextmanager
def naming_the_cursor(page: PageRequest) -> Iterator[None]:
    """A cursor that the store does not know for one of its own is refused under its parameter's name."""
    faults = Faults()
    with faults.at("cursor", page.cursor):
        yield
    faults.raise_if_any()


def problem_doc(error: DispatchError, status: int, lang: str) -> Doc:
    """RFC 9457 problem details; every fault of a refused request with its field."""
    doc: Doc = {
        "type": "about:blank",
        "title": say(lang, f"problem.{status}"),
        "status": status,
        "code": error.code,
        "detail": say_error(lang, error),
    }
    if isinstance(error, Refused):
        doc["errors"] = [
            {"field": f.field, "code": f.code, "message": say_fault(lang, f), "sent": f.sent}
            for f in error.faults
        ]
    return doc
