"""How the server writes its log: one line an event, text for people or JSON for machines, to standard error."""

import json
import logging
import sys
from datetime import UTC, datetime

from aiohttp.http_exceptions import BadHttpMessage

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
WHY_LIMIT = 200


def set_up(log_format: str, level: str) -> None:
    """Sends every logger's events to standard error in this format (`auto`: text on a terminal)."""
    as_json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine() if as_json else TextLine())
    handler.addFilter(SendersFault())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # It would tell every statement with all its values: signing keys, hashes of passwords, the data of tasks.
    logging.getLogger("aiosqlite").setLevel(logging.WARNING)


class SendersFault(logging.Filter):
    """Bytes that are no HTTP are their sender's fault: one warning, and no traceback of ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, BadHttpMessage):
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.exc_info, record.exc_text = None, None
            record.why = " ".join(str(error).split())[:WHY_LIMIT]
        return True


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in STANDARD}


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


class JsonLine(logging.Formatter):
    """One JSON object a line; JSON escapes make log injection impossible."""

    def format(self, record: logging.LogRecord) -> str:
        doc: dict[str, object] = {
            "at": _at(record),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
        } | _extra(record)
        if record.exc_info:
            doc["exception"] = self.formatException(record.exc_info)
        return json.dumps(doc, ensure_ascii=False, default=str)


class TextLine(logging.Formatter):
    """Time, level, event and its facts."""

    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{key}={value!r}" for key, value in _extra(record).items())
        line = f"{_at(record)} {record.levelname:<7} {record.getMessage()} {facts}".rstrip()
        return line if not record.exc_info else f"{line}\n{self.formatException(record.exc_info)}"
