"""Judges a history of a server from outside: it knows its doors and its receivers, and nothing of its making.

The rules, by the names that violations begin with:

- I1 durable ack: what was answered with success stands after every crash: the task is there (or gone, once deleted), in
  the version, state and data that were answered last; a trigger's fire is in the log.
- I2 no lost fire: each occasion of a task that certainly stood and was not paused was received, or the log says that it
  failed (after attempts), or that it was skipped or cancelled, for a reason that the history bears out.
- I3 no phantom: nothing is received that nobody asked for, none off its schedule or from a pause, and none earlier than
  2 ms before its time; what fires after a rest has rested.
- I4 identity: one occasion of one version has one id, one id has one occasion, and data and receiver are the version's.
- I5 bounded duplicates: what was received with success is repeated only where an end of the server hit that attempt,
  under the same id and a larger number; no more often in all than ends times slots.
- I6 exclusion: no attempt of a fire begins before the one before it is over; of a task that wants its fires one at a
  time, no fire is sent while another one is, nor between two attempts of it; of all fires that share a key, no more are
  under way than the key allows; and no receiver gets more at once, or faster, than was set for it.
- I8 finality: 250 ms after a pause, delete or replacement was answered, nothing of the old state begins any more; nor
  anything to a receiver that was shut.
- I9 order: nothing waits, due and free to go, while another one to the same receiver, of a smaller priority and due no
  earlier, is begun.
- I10 truthful log: a fire has succeeded if, and but for ends of the server only if, its receiver finished a 2xx; every
  callback has its row in the log, with the same task and time and as many attempts; and none begins once its fire is over.
- I12 retry discipline: a failure is repeated no sooner and no more often than the task's policy says, and given up no
  earlier.
- I13 liveness: once nothing is paused and all is quiet, no fire is on its way; and what fires after a rest has not stopped
  before its end.
- I14 repeat counts: a version fires no more often, and no later, than it said.

Where no answer came, both outcomes are allowed. Times are milliseconds since the epoch.

What a checker that sees only the outside cannot know, it allows, and no more. A server that ends forgets what its
last replies were, those of the last SETTLE_MS. What it sent just before its end may be read after it: no server is up
again within ON_ITS_WAY_MS, so what is read by then was sent before. An attempt may be given up, though its receiver
finished, where its time limit ran out because server or receiver stood still. What was claimed, and not yet sent when the
server ended, is lost as far as the log can tell; where its task is gone by then, nobody sends it again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import Any

EARLY_MS = 2.0
FINAL_MS = 250.0
SETTLE_MS = 1_000.0  # so long after a reply its result may be still unwritten when the server ends
ON_ITS_WAY_MS = (
    250.0  # no server is up again so soon: what is read by then, the one that ended had sent
)
AHEAD_MS = 100.0  # so long before it is due a fire may be claimed
ORDER_MS = 500.0  # so long what is due may take to be ready to go, on a busy machine
MISFIRE_MS = 60_000.0
BUNCHED_MS = 150.0  # so much sooner than the one before it a call may be sent, on a busy machine
TICK_MS = 20.0  # between two processes, the order of what lies closer together is not certain
MOST_LOSSES = 10
OPEN = ("pending", "running", "waiting")


@dataclass(frozen=True)
class Operation:
    """What was asked for; `ok` is None where no answer came, and `answered` then the moment when that was clear."""

    kind: str  # add, replace, pause, resume, delete, trigger
    task: str
    sent: float
    answered: float
    ok: bool | None
    data: Any = None
    start: float = 0
    every: float = 1_000
    times: int = 1
    first: float | None = None  # the first occasion, where it was told
    rests: bool = (
        False  # whether `every` counts from the end of the last fire, up to the time of so many
    )
    retries: Sequence[float] = ()  # the pauses before repetitions
    limit: float = 1_000  # how long an attempt may take
    priority: int = 0
    overlap: str = "allow"  # what becomes of a fire while an earlier one of its task is under way
    places: Sequence[str] = ("",)  # where its callbacks are to go, to one of them each
    key: str = ""  # what its fires share with those of other tasks
    holders: int = 0  # how many of them may have that at once
    fire: str | None = None

    @property
    def begins(self) -> bool:
        """Whether it makes a version."""
        return self.kind in ("add", "replace")

    @property
    def serial(self) -> bool:
        """Whether its fires are wanted one at a time."""
        return self.overlap != "allow"

    @property
    def until(self) -> float:
        """When it fires no more; in the middle between two fires, for that a millisecond may go either way."""
        return self.start + self.every * (self.times - 0.5)


@dataclass(frozen=True)
class Callback:
    """What a receiver saw; `outcome` is ok (it finished a 2xx), refused (another status), or cut (no whole answer)."""

    at: float
    ended: float
    outcome: str
    fire: str
    attempt: int
    kind: str
    task: str
    due: float
    data: Any
    body_id: str = ""
    place: str = ""


@dataclass(frozen=True)
class Limits:
    """What one place may be asked for: so many callbacks at once; so many in a second, and of them so many at once."""

    slots: int | None = None
    a_second: float | None = None
    burst: float = 1


@dataclass(frozen=True)
class Closure:
    """A time in which a place was certainly shut for callbacks: from the answer on until it was to be opened."""

    place: str
    began: float
    over: float


@dataclass(frozen=True)
class Span:
    """A time in which the server was down (`kill`, `stop`), or it or those who watch it stood still (`freeze`, `stall`)."""

    kind: str
    began: float
    over: float

    @property
    def ends(self) -> bool:
        return self.kind in ("kill", "stop")


@dataclass(frozen=True)
class History:
    """All that was done to a server and seen of it, until it was quiet; tasks and fires as its REST door shows them."""

    operations: Sequence[Operation]
    callbacks: Sequence[Callback]
    tasks: Sequence[Mapping[str, Any]]
    fires: Sequence[Mapping[str, Any]]
    spans: Sequence[Span] = ()
    slots: int = 16
    limits: Mapping[str, Limits] = field(default_factory=dict)
    closures: Sequence[Closure] = ()

    @cached_property
    def by_task(self) -> dict[str, list[Operation]]:
        """What may have been done to each task, in order; each task is in the hands of one writer."""
        found: dict[str, list[Operation]] = defaultdict(list)
        for operation in sorted(self.operations, key=lambda operation: operation.sent):
            if operation.ok is not False:
                found[operation.task].append(operation)
        return found

    @cached_property
    def by_fire(self) -> dict[str, list[Callback]]:
        return _in_order(self.callbacks, lambda callback: callback.fire)

    @cached_property
    def by_place(self) -> dict[str, list[Callback]]:
        return _in_order(self.callbacks, lambda callback: callback.place)

    @cached_property
    def holders(self) -> dict[str, int]:
        """How many may have each key at once."""
        return {asked.key: asked.holders for asked in self.operations if asked.key}

    @cached_property
    def rows(self) -> dict[str, Mapping[str, Any]]:
        return {fire["id"]: fire for fire in self.fires}

    @cached_property
    def rows_of(self) -> dict[str, list[Mapping[str, Any]]]:
        found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for fire in self.fires:
            found[fire["name"]].append(fire)
        return found

    def version_of(self, callback: Callback) -> Operation | None:
        """The operation whose data this callback carries."""
        for operation in self.by_task.get(callback.task, ()):
            if operation.begins and operation.data == callback.data:
                return operation
        return None

    def later(self, begun: Operation) -> list[Operation]:
        """What was done to its task after this."""
        return [other for other in self.by_task[begun.task] if other.sent > begun.sent]

    def ended_between(self, first: float, last: float) -> bool:
        """Whether the server ended in this time."""
        return any(
            span.ends
            and span.began <= last
            and first - ON_ITS_WAY_MS - self.still(span.over, first) <= span.over
            for span in self.spans
        )

    def still(self, first: float, last: float) -> float:
        """How much of this time was lost because something was down or stood still."""
        return sum(max(0.0, min(span.over, last) - max(span.began, first)) for span in self.spans)


def _in_order(
    callbacks: Iterable[Callback], key: Callable[[Callback], str | None]
) -> dict[str, list[Callback]]:
    """Callbacks by what they have in common, in the order in which they came; without those that have None."""
    found: dict[str, list[Callback]] = defaultdict(list)
    for callback in sorted(callbacks, key=lambda callback: callback.at):
        name = key(callback)
        if name is not None:
            found[name].append(callback)
    return found


Rule = Callable[[History], Iterable[str]]


def moment(text: str) -> float:
    """A moment as REST writes it."""
    return datetime.fromisoformat(text).timestamp() * 1000


def violations(history: History) -> list[str]:
    """What the server broke of its promises, in words; empty when it kept them all."""
    return [f"{name}: {told}" for name, rule in RULES.items() for told in rule(history)]


def standing(history: History, begun: Operation, at: float) -> str:
    """Whether a version fires at a moment: on, off (paused), gone (replaced or deleted), or maybe."""
    sure = begun.ok is True
    state = "on"
    for operation in history.later(begun):
        if operation.kind == "trigger":
            continue
        if at < operation.sent:
            break
        if at <= operation.answered:
            return "maybe"
        if state == "gone":
            return state
        if operation.ok is None:
            sure, state = sure and operation.kind in ("pause", "resume"), "maybe"
        else:
            state = {"pause": "off", "resume": "on"}.get(operation.kind, "gone")
    return state if sure or state in ("off", "gone") else "maybe"


def durable(history: History) -> Iterator[str]:
    there = {task["name"]: task for task in history.tasks}
    for name, operations in history.by_task.items():
        yield from _lost_state(name, operations, there.get(name))
    for operation in history.operations:
        if operation.kind == "trigger" and operation.ok and operation.fire not in history.rows:
            yield f"the trigger of {operation.task} was answered, and its fire {operation.fire} is gone"


def _lost_state(
    name: str, operations: Sequence[Operation], task: Mapping[str, Any] | None
) -> Iterator[str]:
    """How a task stands other than the answers said."""
    deletes = [operation for operation in operations if operation.kind == "delete"]
    if any(operation.ok for operation in deletes):
        if task is not None:
            yield f"{name} was deleted and is there"
        return
    certain = [operation for operation in operations if operation.begins and operation.ok]
    if task is None:
        if certain and not deletes:
            yield f"{name} was acknowledged and is gone"
        return
    yield from _other_version(name, operations, task)


def _other_version(
    name: str, operations: Sequence[Operation], task: Mapping[str, Any]
) -> Iterator[str]:
    begun = [operation for operation in operations if operation.begins]
    gone = max((each.sent for each in operations if each.kind == "delete"), default=0.0)
    # after a delete without an answer, a replacement may have been the first of a new task
    least = sum(operation.ok is True and operation.sent > gone for operation in begun)
    if not least <= task["version"] <= len(begun):
        yield f"{name} is version {task['version']}, of {least} to {len(begun)}"
    if begun and begun[-1].ok and task["recall"]["data"] != begun[-1].data:
        yield f"{name} has the data {task['recall']['data']}, not {begun[-1].data}"
    last = [operation for operation in operations if operation.kind != "trigger"][-1]
    over = task["state"] == "finished" and bool(begun) and begun[-1].rests
    if last.ok and not over and (last.kind == "pause") != (task["state"] == "paused"):
        yield f"{name} is {task['state']} after an acknowledged {last.kind}"


def not_lost(history: History) -> Iterator[str]:
    for operations in history.by_task.values():
        for begun in operations:
            if begun.begins and begun.ok and not begun.rests:
                yield from _lost_of(history, begun)
            if begun.kind == "trigger" and begun.ok and begun.fire is not None:
                yield from _lost_trigger(history, begun)


def occasions(begun: Operation) -> list[float]:
    first = begun.start if begun.first is None else begun.first
    return [first + number * begun.every for number in range(begun.times)]


def _lost_of(history: History, begun: Operation) -> Iterator[str]:
    received = {
        callback.due
        for callback in history.callbacks
        if callback.task == begun.task and callback.data == begun.data and callback.outcome == "ok"
    }
    for due in occasions(begun):
        if due in received or standing(history, begun, due) != "on":
            continue
        rows = [row for row in history.rows_of[begun.task] if _covers(row, due)]
        told = [_unaccounted(history, begun, row, due) for row in rows]
        if None not in told:
            yield f"{begun.task} due at {due:.0f}: {told or 'no trace'}"


def _lost_trigger(history: History, trigger: Operation) -> Iterator[str]:
    row = history.rows.get(trigger.fire or "")
    calls = history.by_fire.get(trigger.fire or "", [])
    if row is None or row["state"] in OPEN or any(call.outcome == "ok" for call in calls):
        return
    told = _unaccounted(history, trigger, row, trigger.sent)
    if told is not None:
        yield f"trigger of {trigger.task}: {told}"


def _covers(row: Mapping[str, Any], due: float) -> bool:
    if row["kind"] != "scheduled":
        return False
    missed = row["missed"]
    within = missed and moment(missed["first"]) <= due <= moment(missed["last"])
    return bool(within) or moment(row["due_at"]) == due


def _unaccounted(
    history: History, begun: Operation, row: Mapping[str, Any], due: float
) -> str | None:
    """Why this row is no good account of an occasion that nobody received; None where it is one."""
    calls = history.by_fire.get(row["id"], [])
    if row["state"] in ("succeeded", *OPEN) and moment(row["due_at"]) == due:
        return None  # I10 and I13 tell of these
    if row["state"] == "failed" and row["reason"] != "concurrency":
        good = any(call.outcome != "ok" for call in calls) or row["losses"] + 1 >= MOST_LOSSES
        good = good or _lost_unsent(history, begun, row, due)
        return None if good and row["attempts"] else f"failed without a failure ({row['reason']})"
    return None if _justified(history, begun, row, due) else f"{row['state']}: {row['reason']}"


def _lost_unsent(history: History, begun: Operation, row: Mapping[str, Any], due: float) -> bool:
    """Whether an end of the server may have come between claim and sending, and its task was gone before a repetition."""
    if row["reason"] != "lost" or not _gone_by(history, begun, moment(row["finished_at"])):
        return False
    return history.ended_between(due - AHEAD_MS, moment(row["finished_at"]))


def _gone_by(history: History, begun: Operation, at: float) -> bool:
    """Whether its task may have been deleted or replaced by then."""
    later = history.later(begun)
    return any(each.kind in ("delete", "replace") and each.sent <= at for each in later)


def _justified(history: History, begun: Operation, row: Mapping[str, Any], due: float) -> bool:
    """Whether the history bears out the reason of a fire that was not sent."""
    kinds = {"paused": "pause", "deleted": "delete", "replaced": "replace"}
    reason, ended = row["reason"], moment(row["finished_at"] or row["due_at"])
    if reason in kinds:
        return any(
            operation.kind == kinds[reason] and operation.answered >= due
            for operation in history.later(begun)
        )
    if reason == "overlap":
        return _overlapped(history, begun, row, ended)
    if reason == "concurrency":
        sharing = (other for other in history.fires if other["key"] == row["key"])
        return _under_way(sharing, row, ended) >= history.holders.get(row["key"], 1)
    return (row["missed"] is not None or reason == "misfire") and ended - due >= MISFIRE_MS


def _overlapped(history: History, begun: Operation, row: Mapping[str, Any], ended: float) -> bool:
    """Whether others of its task were under way, or waited, where that ends a fire; or one came that ends it."""
    of_task = [other for other in history.rows_of[begun.task] if other["kind"] == "scheduled"]
    if row["state"] == "cancelled":
        later = (other for other in of_task if moment(other["due_at"]) >= moment(row["due_at"]))
        wishes = {begun.overlap, *(other.overlap for other in history.later(begun))}
        followed = _under_way(later, row, ended) > 0 or _taken_back_at(history, begun, ended)
        return "cancel_previous" in wishes and followed
    room = {"skip": 0, "queue_one": 1, "queue_all": 100}.get(begun.overlap)
    return room is not None and _under_way(of_task, row, ended) > room


def _taken_back_at(history: History, begun: Operation, at: float) -> bool:
    """Whether the fire that ended another one may have been taken back in the very moment in which it did."""
    return any(
        later.kind in ("pause", "delete", "replace")
        and later.sent - TICK_MS <= at <= later.answered + TICK_MS
        for later in history.later(begun)
    )


def _under_way(rows: Iterable[Mapping[str, Any]], but: Mapping[str, Any], at: float) -> int:
    """How many of these fires were due by then, and not over."""
    return sum(
        row["id"] != but["id"] and moment(row["due_at"]) <= at <= _last_seen(row) for row in rows
    )


def _last_seen(row: Mapping[str, Any]) -> float:
    """Until when a fire was certainly, or may have been, under way or waiting; one that is skipped at once is neither."""
    if row["finished_at"] is None:
        return float("inf")
    over = moment(row["finished_at"])
    return over - 1 if row["state"] == "skipped" else over + TICK_MS


def no_phantom(history: History) -> Iterator[str]:
    triggered = {operation.fire for operation in history.operations if operation.kind == "trigger"}
    for callback in history.callbacks:
        if callback.at < callback.due - EARLY_MS:
            yield f"{_named(callback)} came {callback.due - callback.at:.1f} ms early"
        begun = history.version_of(callback)
        if begun is None:
            continue  # I4 tells of these
        if callback.kind == "manual":
            unknown = any(o.kind == "trigger" and o.ok is None for o in history.later(begun))
            if callback.fire not in triggered and not unknown:
                yield f"{_named(callback)} was triggered by nobody"
        elif not _on_schedule(begun, callback.due):
            yield f"{_named(callback)} is none of its task's times"
        elif standing(history, begun, callback.due) in (
            ("gone",) if begun.rests else ("off", "gone")  # a pause holds what fires after a rest
        ):
            yield f"{_named(callback)} was due while its task did not fire"
    for begun, rows in _rested(history):
        for before, after in pairwise(rows):
            rested = moment(after["due_at"]) - moment(before["finished_at"] or after["due_at"])
            if rested < begun.every:
                yield f"{begun.task} was due at {after['due_at']}, {rested:.0f} ms after its last fire had ended"


def _rested(history: History) -> Iterator[tuple[Operation, list[Mapping[str, Any]]]]:
    """Each version that fires after a rest, with its fires in order, of tasks all of whose versions are certain."""
    for task, operations in history.by_task.items():
        begun = [operation for operation in operations if operation.begins]
        deleted = any(operation.kind == "delete" for operation in operations)
        if deleted or not all(operation.ok for operation in begun):
            continue  # which version is which is not certain
        rows: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
        for row in sorted(history.rows_of[task], key=lambda row: moment(row["due_at"])):
            if row["kind"] == "scheduled":
                rows[row["version"]].append(row)
        for version, operation in enumerate(begun, 1):
            if operation.rests:
                yield operation, rows[version]


def _on_schedule(begun: Operation, due: float) -> bool:
    if begun.rests:
        return due >= begun.start
    first = begun.first
    if first is None and begun.start > begun.answered:
        first = begun.start
    if first is None:  # a start that had passed when the server read it moves to that moment
        return due >= begun.start
    return due >= first and (due - first) % begun.every == 0


def identity(history: History) -> Iterator[str]:
    ids: dict[Any, set[str]] = defaultdict(set)
    for callback in history.callbacks:
        if callback.kind == "scheduled":
            ids[callback.task, callback.due, str(callback.data)].add(callback.fire)
        begun = history.version_of(callback)
        if begun is None:
            yield f"{_named(callback)} carries data of no version: {callback.data}"
        elif callback.place not in begun.places:
            yield f"{_named(callback)} came to {callback.place}"
        if callback.body_id not in ("", callback.fire):
            yield f"{_named(callback)} has another id in its body: {callback.body_id}"
    yield from (
        f"{task} due at {due:.0f} has the ids {sorted(known)}"
        for (task, due, _), known in ids.items()
        if len(known) > 1
    )
    for fire, calls in history.by_fire.items():
        if len({(call.task, call.due, str(call.data)) for call in calls}) > 1:
            yield f"{fire} stands for several occasions: {calls}"


def bounded(history: History) -> Iterator[str]:
    doubled = 0
    for before, after in _repeats(history):
        if after.attempt < before.attempt or (
            after.attempt == before.attempt and before.outcome != "cut"
        ):
            yield f"attempt {after.attempt} of {_named(after)} follows attempt {before.attempt}"
        if before.outcome == "ok":
            doubled += 1
            if not (_hit(history, before, after) or _out_of_time(history, before)):
                yield f"{_named(after)} was received already, and no end of the server explains it"
    most = history.slots * sum(span.ends for span in history.spans)
    if doubled > most:
        yield f"{doubled} repeats, where {most} are allowed"


def _repeats(history: History) -> Iterator[tuple[Callback, Callback]]:
    return (pair for calls in history.by_fire.values() for pair in pairwise(calls))


def _hit(history: History, before: Callback, after: Callback | None) -> bool:
    """Whether the server ended between an attempt's beginning and the writing of its result."""
    last = before.ended + SETTLE_MS + history.still(before.at, before.ended + SETTLE_MS)
    return history.ended_between(before.at, min(last, after.at) if after else last)


def _out_of_time(history: History, callback: Callback) -> bool:
    """Whether an attempt's time limit may have run out before the receiver had finished."""
    begun = history.version_of(callback)
    limit = begun.limit if begun is not None else 0.0
    attempt = [call for call in history.by_fire[callback.fire] if call.attempt == callback.attempt]
    began = min(call.at for call in attempt)  # perhaps on a connection that had grown stale
    held_up = history.still(began - limit, began)
    return callback.ended - began + held_up + TICK_MS >= limit


def exclusive(history: History) -> Iterator[str]:
    for before, after in _repeats(history):
        if _meets(history, before, after):
            yield f"{_named(after)} began {before.ended - after.at:.0f} ms before attempt {before.attempt} was over"
    for calls in _one_at_a_time(history):
        for before, after in pairwise(calls):
            broken_off = _broken_off(history, before, after)
            if before.fire != after.fire and not broken_off and _meets(history, before, after):
                yield f"{_named(after)} began while {_named(before)} was not over"
        yield from _come_between(history, calls)
    yield from _too_many(history, _by_key(history), history.holders)
    slots = {place: limits.slots for place, limits in history.limits.items() if limits.slots}
    yield from _too_many(history, history.by_place, slots)
    yield from _too_fast(history)


def _meets(history: History, before: Callback, after: Callback) -> bool:
    """Whether one began while another was under way, and no end of the server explains it."""
    over = before.ended - TICK_MS - history.still(before.at, before.ended)
    return after.at < over and not history.ended_between(before.at, after.at)


def _one_at_a_time(history: History) -> list[list[Callback]]:
    """What was sent, in order, for each task that wants its fires one at a time."""

    def task_of(callback: Callback) -> str | None:
        begun = history.version_of(callback)
        serial = begun is not None and begun.serial and callback.kind == "scheduled"
        return callback.task if serial else None

    return [*_in_order(history.callbacks, task_of).values()]


def _come_between(history: History, calls: Sequence[Callback]) -> Iterator[str]:
    """What went between two attempts of another fire, though no pause had made that one stand back."""
    last = {call.fire: call for call in calls}
    under_way: Callback | None = None
    for call in calls:
        if under_way is not None and call.fire != under_way.fire:
            stood_back = any(
                asked.kind == "pause" and asked.sent < call.at and asked.answered > under_way.at
                for asked in history.by_task[call.task]
            )
            if last[under_way.fire].at > call.at + TICK_MS and not stood_back:
                yield f"{_named(call)} went between two attempts of {under_way.fire}"
        under_way = call


def _by_key(history: History) -> dict[str, list[Callback]]:
    def key_of(callback: Callback) -> str | None:
        begun = history.version_of(callback)
        return begun.key or None if begun is not None else None

    return _in_order(history.callbacks, key_of)


def _too_many(
    history: History, sharing: Mapping[str, Sequence[Callback]], most: Mapping[str, int]
) -> Iterator[str]:
    """What began while as many others as are allowed were under way."""
    for name in sharing.keys() & most.keys():
        before: list[Callback] = []
        for call in sharing[name]:
            before = [other for other in before if other.ended > call.at]
            others = {
                other.fire
                for other in before
                if _meets(history, other, call) and not _broken_off(history, other, call)
            }
            if len(others - {call.fire}) >= most[name]:
                yield f"{_named(call)} began while {len(others)} others had {name}: {sorted(others)}"
            before.append(call)


def _too_fast(history: History) -> Iterator[str]:
    """What came to a place sooner than its rate allows; a server that starts knows of no callbacks before."""
    for place in history.by_place.keys() & history.limits.keys():
        limits, level = history.limits[place], 0.0
        # one number twice is one attempt, whose first connection had grown stale
        stale = {
            id(after) for before, after in _repeats(history) if before.attempt == after.attempt
        }
        if limits.a_second is None:
            continue
        calls = [call for call in history.by_place[place] if id(call) not in stale]
        for before, call in pairwise([calls[0], *calls]):
            level = max(0.0, level - (call.at - before.at) / 1000 * limits.a_second) + 1
            if history.ended_between(before.at, call.at):
                level = 1.0
            bunched_ms = BUNCHED_MS + history.still(call.at - 1_000, call.at)
            if level > limits.burst + 1 + bunched_ms / 1000 * limits.a_second:
                yield f"{_named(call)} came {level:.1f} calls ahead of the rate of {place}"


def _broken_off(history: History, before: Callback, after: Callback) -> bool:
    """Whether one of them was ended for the other: its receiver may be still at it, or may be called in that very moment."""
    at_once = after.at - before.at <= TICK_MS
    return _cancelled(history.rows.get(before.fire)) or (
        at_once and _cancelled(history.rows.get(after.fire))
    )


def _cancelled(row: Mapping[str, Any] | None) -> bool:
    """Whether a fire was ended for another one of its task; its receiver may be still at it."""
    return row is not None and (row["state"], row["reason"]) == ("cancelled", "overlap")


def final(history: History) -> Iterator[str]:
    for callback in history.callbacks:
        begun = history.version_of(callback)
        stop = begun and _stopped_by(history, begun, callback)
        if not stop:
            continue
        late = callback.at - stop.answered - history.still(stop.answered, callback.at)
        if late > FINAL_MS:
            yield f"{_named(callback)} began {late:.0f} ms after its {stop.kind} was answered"
    yield from _to_shut_places(history)


def _to_shut_places(history: History) -> Iterator[str]:
    for shut in history.closures:
        for callback in history.by_place[shut.place]:
            late = callback.at - shut.began - history.still(shut.began, callback.at)
            if callback.at < shut.over and late > FINAL_MS:
                yield f"{_named(callback)} came {late:.0f} ms after {shut.place} was shut"


def _stopped_by(history: History, begun: Operation, callback: Callback) -> Operation | None:
    """The acknowledged end of its version, or pause, that this callback should have heeded."""
    stop: Operation | None = None
    for operation in history.later(begun):
        if operation.sent > callback.at:
            break
        if operation.kind in ("delete", "replace") and operation.ok:
            return operation
        if operation.kind == "resume":
            stop = None
        if operation.kind == "pause" and operation.ok and callback.kind == "scheduled":
            stop = stop or operation
    return stop


def in_order(history: History) -> Iterator[str]:
    for calls in history.by_place.values():
        first = [call for call in calls if call.attempt == 1 and call.kind == "scheduled"]
        told = [(call, begun.priority) for call in first if (begun := history.version_of(call))]
        for urgent, priority in told:
            for other, less in told:
                if less >= priority or other.at < urgent.due + ORDER_MS:
                    continue
                early = urgent.at - other.at - history.still(other.at, urgent.at) > ORDER_MS
                if early and _free_to_go(history, urgent, other.at - ORDER_MS):
                    yield f"{_named(urgent)} of priority {priority} waited, and {_named(other)} of {less} went"


def _free_to_go(history: History, callback: Callback, since: float) -> bool:
    """Whether nothing but the want of a slot kept this back from that moment on."""
    begun = history.version_of(callback)
    if begun is None or begun.serial or begun.key or len(begun.places) > 1:
        return False
    touched = any(
        operation.sent < callback.at and operation.answered > since
        for operation in history.by_task[callback.task]
        if operation.kind != "trigger"
    )
    down = any(
        span.kind != "stall" and span.began < callback.at and span.over > callback.due - ORDER_MS
        for span in history.spans
    )
    return not touched and not down


def truthful(history: History) -> Iterator[str]:
    for fire, calls in history.by_fire.items():
        row = history.rows.get(fire)
        if row is None:
            yield f"{_named(calls[-1])} is not in the log"
        else:
            yield from _other_than_received(history, row, calls)
    for row in history.fires:
        calls = history.by_fire.get(row["id"], [])
        if row["state"] == "succeeded" and not any(call.outcome == "ok" for call in calls):
            yield f"{row['name']} {row['id']} succeeded, and no receiver finished a 2xx"


def _other_than_received(
    history: History, row: Mapping[str, Any], calls: Sequence[Callback]
) -> Iterator[str]:
    last = calls[-1]
    if (row["name"], moment(row["due_at"]), row["kind"]) != (last.task, last.due, last.kind):
        yield f"{_named(last)} has a row of {row['name']} due at {row['due_at']}"
    if row["attempts"] < last.attempt:
        yield f"{_named(last)}: attempt {last.attempt}, and the log knows {row['attempts']}"
    over = None if row["finished_at"] is None else moment(row["finished_at"])
    late = 0.0 if over is None else last.at - over - history.still(over, last.at)
    if late > FINAL_MS:
        yield f"{_named(last)} began {late:.0f} ms after its fire was over ({row['state']}: {row['reason']})"
    good = [call for call in calls if call.outcome == "ok"]
    if _cancelled(row) and good and over is not None and over <= good[-1].ended + TICK_MS:
        return  # it was ended while its receiver was at it
    if not good or row["state"] in ("succeeded", *OPEN) or _out_of_time(history, good[-1]):
        return
    if not _hit(history, good[-1], None):
        yield f"{_named(last)} was received with success, and the log says {row['state']}"


def disciplined(history: History) -> Iterator[str]:
    for calls in history.by_fire.values():
        begun = history.version_of(calls[0])
        if begun is None:
            continue
        asked = [
            (before, after)
            for before, after in pairwise(calls)
            if before.outcome != "ok" and not _hit(history, before, after)
        ]
        # one number twice is one attempt, whose first connection had grown stale
        asked = [pair for pair in asked if pair[0].attempt != pair[1].attempt]
        if len(asked) > len(begun.retries):
            yield f"{_named(calls[-1])} was repeated {len(asked)} times, of {len(begun.retries)}"
        for before, after in asked:
            least = min(begun.retries, default=0)
            if after.at - before.ended < least - TICK_MS - history.still(before.at, before.ended):
                yield f"{_named(after)} came {after.at - before.ended:.0f} ms after a failure"
        yield from _given_up_early(history, begun, calls[-1])


def _given_up_early(history: History, begun: Operation, last: Callback) -> Iterator[str]:
    """A failure that was repeated less often than its task wanted, and its task was neither replaced nor deleted."""
    row = history.rows.get(last.fire)
    if row is None or row["state"] != "failed" or row["losses"] + 1 >= MOST_LOSSES:
        return
    made = row["attempts"] - row["losses"]
    gone = _gone_by(history, begun, moment(row["finished_at"]))
    if made <= len(begun.retries) and not gone:
        yield f"{_named(last)} was given up after {made} attempts, of {len(begun.retries) + 1}"


def live(history: History) -> Iterator[str]:
    for fire in history.fires:
        if fire["state"] in OPEN:
            yield f"{fire['name']} {fire['id']} is {fire['state']}"
    for task in history.tasks:
        begun = [asked for asked in history.by_task.get(task["name"], ()) if asked.begins]
        if begun and begun[-1].ok and begun[-1].rests and task["state"] != "finished":
            yield f"{task['name']} is {task['state']}, and its time is over"


def counted(history: History) -> Iterator[str]:
    fired: dict[tuple[str, str], set[float]] = defaultdict(set)
    for callback in history.callbacks:
        if callback.kind == "scheduled":
            fired[callback.task, str(callback.data)].add(callback.due)
    for (task, data), dues in fired.items():
        for begun in history.by_task.get(task, ()):
            if not begun.begins or begun.rests or str(begun.data) != data:
                continue
            last = occasions(begun)[-1]
            if len(dues) > begun.times or (begun.first is not None and max(dues) > last):
                yield f"{task} fired {len(dues)} times up to {max(dues):.0f}, of {begun.times} up to {last:.0f}"


def _named(callback: Callback) -> str:
    return f"{callback.task} due at {callback.due:.0f} ({callback.fire}, attempt {callback.attempt}, at {callback.at:.0f})"


RULES: Mapping[str, Rule] = {
    "I1 durable ack": durable,
    "I2 no lost fire": not_lost,
    "I3 no phantom": no_phantom,
    "I4 identity": identity,
    "I5 bounded duplicates": bounded,
    "I6 exclusion": exclusive,
    "I8 finality": final,
    "I9 order": in_order,
    "I10 truthful log": truthful,
    "I12 retry discipline": disciplined,
    "I13 liveness": live,
    "I14 repeat counts": counted,
}
