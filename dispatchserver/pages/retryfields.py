"""When a task is called again, in its form: filled into fields, read back, and told in words. Pure."""

import re
from datetime import timedelta

from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fields import as_duration, as_integer
from dispatchserver.domain.retrypolicy import (
    RETRIES_LIMIT,
    UNASKED,
    Backoff,
    Delays,
    Failure,
    Retry,
    check_age,
    check_factor,
    check_most,
    check_pause,
)
from dispatchserver.pages.choices import FAILURES, KEPT
from dispatchserver.pages.formreader import FormReader
from dispatchserver.pages.words import Viewer, duration

NEVER = Retry(pauses=Backoff(most=0))
USUAL = Backoff()


def retry_fields(retry: Retry) -> dict[str, str]:
    """The fields that would make this policy again; one that they cannot say is kept as it is."""
    if retry == UNASKED:
        return {"retry": "usual"}
    if retry == NEVER:
        return {"retry": "never"}
    pauses = retry.pauses
    if not retry.on <= set(Failure) or (isinstance(pauses, Backoff) and _jittered(pauses)):
        return {"retry": KEPT}
    age = {"retry_age": "" if retry.max_age == Retry().max_age else duration(retry.max_age)}
    ticks = {f"retry_on_{word}": "1" if word in retry.on else "" for word in FAILURES}
    return _pause_fields(pauses) | ticks | age


def _jittered(pauses: Backoff) -> bool:
    """Whether chance has another part in the pauses than it usually has."""
    return pauses.jitter != USUAL.jitter


def _pause_fields(pauses: Delays | Backoff) -> dict[str, str]:
    match pauses:
        case Delays(spans=spans):
            return {"retry": "delays", "retry_delays": ", ".join(map(duration, spans))}
        case Backoff():
            return {
                "retry": "backoff",
                "retry_max": str(pauses.most),
                "retry_base": duration(pauses.base),
                "retry_factor": _number(pauses.factor),
                "retry_cap": duration(pauses.cap),
            }


def _number(number: float) -> str:
    """To the last digit, and without an idle .0."""
    return repr(number).removesuffix(".0")


def read_retry(form: FormReader, kept: Retry | None) -> Retry:
    """What the form says of repetitions; `kept` where it leaves them as they are."""
    if kept and form.text("retry") == KEPT:
        return kept
    match form.word("retry"):
        case "never":
            return NEVER
        case "delays":
            return _repeated(form, _delays(form))
        case "backoff":
            return _repeated(form, _backoff(form))
        case _:
            return UNASKED


def _repeated(form: FormReader, pauses: Delays | Backoff) -> Retry:
    causes = [word for word in FAILURES if form.text(f"retry_on_{word}")]
    if not causes:
        form.refuse("retry_on", Invalid("fault.none_chosen"))
    age = form.take("retry_age", lambda text: check_age(as_duration(text)), Retry().max_age)
    return Retry(pauses=pauses, on=frozenset(causes), max_age=age)


def _delays(form: FormReader) -> Delays:
    spans = form.need("retry_delays", _listed)
    return Delays(spans=spans or ())


def _listed(text: str) -> tuple[timedelta, ...]:
    """Pauses apart by commas or blanks; raises Invalid with the one that is wrong."""
    parts = [part for part in re.split(r"[\s,;，、；]+", text) if part]
    if not 1 <= len(parts) <= RETRIES_LIMIT:
        raise Invalid("fault.pauses", limit=RETRIES_LIMIT)
    return tuple(map(_listed_pause, parts))


def _listed_pause(part: str) -> timedelta:
    try:
        return _pause(part)
    except Invalid as invalid:
        raise Invalid(invalid.code, **invalid.params, part=part) from invalid


def _pause(text: str) -> timedelta:
    return check_pause(as_duration(text))


def _backoff(form: FormReader) -> Backoff:
    backoff = Backoff(
        most=form.take("retry_max", lambda text: check_most(as_integer(text)), USUAL.most),
        base=form.take("retry_base", _pause, USUAL.base),
        factor=form.take("retry_factor", _factor, USUAL.factor),
        cap=form.take("retry_cap", _pause, USUAL.cap),
    )
    if backoff.cap < backoff.base:
        form.refuse("retry_cap", Invalid("fault.cap"))
    return backoff


def _factor(text: str) -> float:
    try:
        return check_factor(float(text))
    except ValueError as error:
        raise Invalid("field.number") from error


def pause_words(retry: Retry, viewer: Viewer) -> str:
    """How often, and how long after each failure, a task is called again."""
    if retry == UNASKED:
        return viewer.say("form.retry.usual")
    match retry.pauses:
        case Backoff(most=0):
            return viewer.say("form.retry.never")
        case Delays(spans=spans):
            listed = viewer.listed([viewer.span(span) for span in spans])
            return viewer.say("page.retry.delays", most=len(spans), spans=listed)
        case Backoff() as pauses:
            return _growing(pauses, viewer)


def _growing(pauses: Backoff, viewer: Viewer) -> str:
    text = viewer.say(
        "page.retry.backoff",
        most=pauses.most,
        base=viewer.span(pauses.base),
        factor=_number(pauses.factor),
        cap=viewer.span(pauses.cap),
    )
    if not pauses.jitter:
        return text
    return viewer.say("page.retry.jitter", text=text, percent=f"{pauses.jitter * 100:.3g}")


def cause_words(retry: Retry, viewer: Viewer) -> str:
    """After which failures a task is called again."""
    known = [viewer.say(f"form.retry_on.{word}") for word in FAILURES if word in retry.on]
    statuses = sorted(retry.on - set(Failure))
    return viewer.listed(known + [viewer.say("page.retry.status", status=s) for s in statuses])


def retry_words(retry: Retry, viewer: Viewer) -> str:
    """The whole policy in one line."""
    pauses = pause_words(retry, viewer)
    if not repeats(retry):
        return pauses
    causes, age = cause_words(retry, viewer), viewer.span(retry.max_age)
    return viewer.say("page.retry.whole", pauses=pauses, causes=causes, age=age)


def repeats(retry: Retry) -> bool:
    """Whether there is more to tell of a policy than that it is the usual one, or never repeats."""
    return retry != UNASKED and retry.pauses.most > 0
