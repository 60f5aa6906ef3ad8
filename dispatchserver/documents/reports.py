"""Reports of receivers as JSON: what they may say, and how it is shown. Pure."""

import re
from collections.abc import Sequence

from dispatchserver.documents.triggers import Doc, iso_or_none
from dispatchserver.domain import jsontext
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fields import FieldReader, as_text
from dispatchserver.domain.fire import Fire
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.moments import iso
from dispatchserver.domain.progress import Progress
from dispatchserver.domain.reporting import Note, ProgressReport, check_percent

NUMBER = re.compile(r"\s*\d{1,3}(\.\d{1,15})?\s*", re.ASCII)


def read_progress(fire_id: str, reader: FieldReader, percent: str, text: str) -> ProgressReport:
    """What is under these two names, both of which may be left out."""
    return ProgressReport(
        fire_id=fire_id,
        percent=reader.take(percent, as_percent, None),
        text=reader.take(text, as_text, None),
    )


def as_percent(value: JsonValue) -> int:
    """A number from 0 to 100, or text that holds one; raises Invalid."""
    if isinstance(value, str) and NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid("progress.percent")
    return check_percent(value)


def said_text(value: JsonValue) -> str | None:
    """A result as text: what is none is kept as its JSON."""
    return value if value is None or isinstance(value, str) else jsontext.dumps(value)


def progress_doc(progress: Progress | None) -> Doc | None:
    """How far the receiver has come with the last attempt; None where it said nothing."""
    if progress is None:
        return None
    return {"percent": progress.percent, "text": progress.text, "at": iso(progress.at)}


def heard_doc(fire: Fire) -> Doc:
    """What a receiver is told of the fire that it reported on."""
    return {
        "id": fire.id,
        "state": fire.state,
        "progress": progress_doc(fire.current_progress),
        "report_by": iso_or_none(fire.report_by),
    }


def notes_doc(notes: Sequence[Note]) -> list[JsonValue]:
    """What was reported, taken or refused: `mark` says why a refused report was."""
    return [
        {
            "at": iso(note.at),
            "from": note.who,
            "door": note.door,
            "taken": note.taken,
            "mark": note.mark,
            "success": note.success,
            "percent": note.percent,
            "text": note.text,
        }
        for note in notes
    ]
