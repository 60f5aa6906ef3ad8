"""The `retry` of a task's policies as JSON: `{"delays": ["300ms", "5s"]}` or `{"max": 5, "base": "2s", …}`. Pure."""

from collections.abc import Callable
from typing import TypeVar

from dispatchserver.documents.spans import span_text
from dispatchserver.documents.triggers import Doc
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fields import FieldReader, as_duration, as_integer, as_text
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.retrypolicy import (
    RETRIES_LIMIT,
    UNASKED,
    USUALLY_REPEATED,
    Backoff,
    Delays,
    Retry,
    check_age,
    check_cause,
    check_factor,
    check_jitter,
    check_most,
    check_pause,
)

BACKOFF = ("max", "base", "factor", "cap", "jitter")
CAUSES_LIMIT = 30
V = TypeVar("V")


def read_retry(policies: FieldReader) -> Retry:
    """The retry policy; unasked, only what was certainly not sent is repeated."""
    if not policies.has("retry"):
        return UNASKED
    retry = policies.inside("retry")
    if retry is None:
        return UNASKED
    found = Retry(
        pauses=_read_delays(retry) if retry.has("delays") else _read_backoff(retry),
        on=frozenset(retry.take_each("retryOn", CAUSES_LIMIT, _cause)) or USUALLY_REPEATED,
        max_age=retry.take("maxAge", lambda value: check_age(as_duration(value)), Retry().max_age),
    )
    retry.refuse_unread()
    return found


def _cause(value: JsonValue) -> str:
    return check_cause(as_text(value))


def _read_delays(retry: FieldReader) -> Delays | Backoff:
    for name in BACKOFF:
        if retry.has(name):
            retry.refuse(name, "retry.beside_delays")
    spans = retry.take_each("delays", RETRIES_LIMIT, lambda value: check_pause(as_duration(value)))
    return Delays(spans=tuple(spans)) if spans else Backoff()


def _read_backoff(retry: FieldReader) -> Backoff:
    usual = Backoff()
    backoff = Backoff(
        most=retry.take("max", lambda value: check_most(as_integer(value)), usual.most),
        base=retry.take("base", lambda value: check_pause(as_duration(value)), usual.base),
        factor=retry.take("factor", _number(check_factor), usual.factor),
        cap=retry.take("cap", lambda value: check_pause(as_duration(value)), usual.cap),
        jitter=retry.take("jitter", _number(check_jitter), usual.jitter),
    )
    if backoff.cap < backoff.base:
        retry.refuse("cap", "retry.cap")
    return backoff


def _number(check: Callable[[float], float]) -> Callable[[JsonValue], float]:
    def read(value: JsonValue) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise Invalid("field.number")
        try:
            return check(float(value))
        except ValueError as error:
            raise Invalid("field.number") from error

    return read


def retry_doc(retry: Retry) -> Doc | None:
    """The retry policy as it is read; None for what a task gets unasked."""
    if retry == UNASKED:
        return None
    doc: Doc = {"retryOn": sorted(retry.on), "maxAge": span_text(retry.max_age)}
    match retry.pauses:
        case Delays(spans=spans):
            return doc | {"delays": [span_text(span) for span in spans]}
        case Backoff() as backoff:
            return doc | {
                "max": backoff.most,
                "base": span_text(backoff.base),
                "factor": backoff.factor,
                "cap": span_text(backoff.cap),
                "jitter": backoff.jitter,
            }
