"""How far a receiver has come, as its fire's row keeps it, and back."""

import json

from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.moments import from_ms, to_ms
from dispatchserver.domain.progress import Progress


def progress_json(progress: Progress) -> str:
    doc = {"percent": progress.percent, "text": progress.text, "attempt": progress.attempt}
    return dumps(doc | {"at": to_ms(progress.at)})


def read_progress(text: str | None) -> Progress | None:
    if text is None:
        return None
    doc = json.loads(text)
    return Progress(
        percent=doc["percent"], text=doc["text"], at=from_ms(doc["at"]), attempt=doc["attempt"]
    )
