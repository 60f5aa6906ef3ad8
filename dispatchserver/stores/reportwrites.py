"""What receivers report, booked and kept as notes beside the fire: results, progress, and what came too late or again."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from dispatchserver.domain.authorization import credentials
from dispatchserver.domain.errors import DispatchError, FireEnded, FireNotFound, Invalid
from dispatchserver.domain.fire import Fire, Verdict
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.judging import settled
from dispatchserver.domain.moments import from_ms, to_ms
from dispatchserver.domain.recall import auth_of
from dispatchserver.domain.reporting import DecideReport, Mark, Note
from dispatchserver.domain.secrets import Proof, proof_of
from dispatchserver.stores import reportsql, rows, sql
from dispatchserver.stores.batches import put
from dispatchserver.stores.driver import Reader, Row, Tx
from dispatchserver.stores.moves import move, standing_of
from dispatchserver.stores.progressrows import progress_json
from dispatchserver.stores.specs import read_recall
from dispatchserver.stores.triggerspecs import ms

NOTES_LIMIT = 50
REFUSED = "report_refused"


@dataclass(frozen=True, slots=True)
class Reported:
    """Somebody reports a result, or progress; `note` is how it is kept, whatever comes of it."""

    fire_id: str
    decide: DecideReport
    note: Note


async def report(tx: Tx, reports: Sequence[Reported]) -> Sequence[Fire | Exception]:
    """Books reports one after the other: two on the same fire must see each other."""
    return [await _report_one(tx, reported) for reported in reports]


async def _report_one(tx: Tx, reported: Reported) -> Fire | Exception:
    found = await tx.fetch(sql.FIND_FIRE, reported.fire_id)
    if not found:
        return FireNotFound(reported.fire_id)
    fire, proof = rows.read_fire(found[0]), await _shown(tx, reported.fire_id)
    note = replace(reported.note, text=proof.veiled_text(reported.note.text))
    standing = (await standing_of(tx, [fire.id]))[fire.id]
    try:
        decided = _veiled(reported.decide(fire, standing), proof)
    except DispatchError as refusal:
        await _note_refusal(tx, note, fire, refusal)
        return refusal
    if isinstance(decided, Fire):
        return await _keep_progress(tx, fire, decided, note)
    to = settled(fire, decided, note.at, standing)
    if not await move(tx, [(fire, to)]):
        return FireEnded(fire.id, fire.state)
    await _note(tx, note, fire, "reported")
    return replace(
        fire,
        state=to.state,
        reason=to.reason,
        result=to.result,
        run_at=to.run_at or fire.run_at,
        finished_at=to.finished_at,
    )


async def _shown(tx: Tx, fire_id: str) -> Proof:
    """What its receiver was shown: it is not kept where the receiver repeats it."""
    for row in await tx.fetch(reportsql.SHOWN_SECRET, fire_id):
        auth, value = auth_of(read_recall(row["recall_json"])), row["secret"]
        if auth is not None and value is not None:
            with suppress(Invalid):  # a secret that makes no header was shown to nobody
                return proof_of(credentials(auth, value), value)
    return Proof()


def _veiled(decided: Verdict | Fire, proof: Proof) -> Verdict | Fire:
    if isinstance(decided, Verdict):
        result = decided.result
        return replace(decided, result=None if result is None else proof.veiled_text(result))
    if decided.progress is None:
        return decided
    text = proof.veiled_text(decided.progress.text)
    return replace(decided, progress=replace(decided.progress, text=text))


async def _keep_progress(tx: Tx, before: Fire, after: Fire, note: Note) -> Fire:
    """Of each attempt the first report is noted, and the fire keeps the last."""
    if after.progress is not None:
        kept = progress_json(after.progress)
        await tx.execute(reportsql.PROGRESS, after.id, kept, ms(after.deadline_at))
    if before.current_progress is None:
        await _note(tx, note, before, "progress")
    return after


async def _note_refusal(tx: Tx, note: Note, fire: Fire, refusal: DispatchError) -> None:
    """A receiver that never stops does not fill the audit."""
    (row,) = await tx.fetch(reportsql.COUNT_NOTES, fire.id)
    if row["notes"] < NOTES_LIMIT:
        mark = refusal.mark if isinstance(refusal, FireEnded) else None
        await _note(tx, replace(note, mark=Mark(mark) if mark else None), fire, REFUSED)


async def _note(tx: Tx, note: Note, fire: Fire, action: str) -> None:
    key = fire.key
    said = {"mark": note.mark, "success": note.success, "percent": note.percent, "text": note.text}
    detail = dumps({name: value for name, value in said.items() if value not in (None, "")})
    place = [key.namespace, key.group, key.name, fire.version, fire.id]
    await put(tx, sql.PUT_AUDIT, [[to_ms(note.at), note.who, note.door, action, *place, detail]])


async def notes(reader: Reader, fire_id: str) -> Sequence[Note]:
    """What was reported of a fire, the oldest first; at most 50."""
    found = await reader.fetch(reportsql.LIST_NOTES, fire_id, NOTES_LIMIT)
    return [_read_note(row) for row in found]


def _read_note(row: Row) -> Note:
    """Rows from before 0014 hold a bare word in place of what was said."""
    said = json.loads(row["detail"]) if row["detail"].startswith("{") else {}
    return Note(
        at=from_ms(row["at"]),
        who=row["who"],
        door=row["door"],
        taken=row["action"] != REFUSED,
        mark=said.get("mark") and Mark(said["mark"]),
        success=said.get("success"),
        percent=said.get("percent"),
        text=said.get("text", ""),
    )
