"""The `retry` of a task's policies as JSON: `{"delays": ["300ms", "5s"]}` or `{"max": 5, "base": "2s", …}`. Pure."""

from collections.abc import Callable
from typing import TypeVar

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

KNOWN = ("delays", "max", "base", "factor", "cap", "jitter", "retryOn", "maxAge")
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
    retry.refuse_unknown(KNOWN)
    return Retry(
        pauses=_read_delays(retry) if retry.has("delays") else _read_backoff(retry),
        on=frozenset(retry.take_each("retryOn", CAUSES_LIMIT, _cause)) or USUALLY_REPEATED,
        max_age=retry.take("maxAge", lambda value: check_age(as_duration(value)), Retry().max_age),
    )


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


def retry_doc(retry: Retry) -> Doc:
    """The retry policy as it is read."""
    doc: Doc = {"retryOn": sorted(retry.on), "maxAge": retry.max_age.total_seconds()}
    match retry.pauses:
        case Delays(spans=spans):
            return {"delays": [span.total_seconds() for span in spans]} | doc
        case Backoff() as backoff:
            return {
                "max": backoff.most,
                "base": backoff.base.total_seconds(),
                "factor": backoff.factor,
                "cap": backoff.cap.total_seconds(),
                "jitter": backoff.jitter,
            } | doc
