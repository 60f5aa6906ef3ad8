"""A task's retry policy, as the JSON that a version row keeps, and back."""

from collections.abc import Mapping
from typing import Any

from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.retrypolicy import UNASKED, Backoff, Delays, Retry
from dispatchserver.stores.triggerspecs import span_ms

Doc = dict[str, object]


def retry_doc(retry: Retry) -> Doc | None:
    if retry == UNASKED:
        return None
    doc: Doc = {"on": sorted(retry.on), "age": span_ms(retry.max_age)}
    match retry.pauses:
        case Delays(spans=spans):
            return doc | {"delays": [span_ms(span) for span in spans]}
        case Backoff() as backoff:
            return doc | {
                "most": backoff.most,
                "base": span_ms(backoff.base),
                "factor": backoff.factor,
                "cap": span_ms(backoff.cap),
                "jitter": backoff.jitter,
            }


def read_retry(doc: Mapping[str, Any] | None) -> Retry:
    if doc is None:
        return UNASKED
    return Retry(
        pauses=_read_pauses(doc), on=frozenset(doc["on"]), max_age=doc["age"] * MILLISECOND
    )


def _read_pauses(doc: Mapping[str, Any]) -> Delays | Backoff:
    if "delays" in doc:
        return Delays(spans=tuple(delay * MILLISECOND for delay in doc["delays"]))
    return Backoff(
        most=doc["most"],
        base=doc["base"] * MILLISECOND,
        factor=doc["factor"],
        cap=doc["cap"] * MILLISECOND,
        jitter=doc["jitter"],
    )
