"""What happens when runs overlap, in the task's form: filled into fields, read back, and told in words. Pure."""

from dispatchserver.domain.concurrency import (
    ALLOW,
    HOLDERS_LIMIT,
    WAITING_LIMIT,
    BusyRule,
    ConcurrencyKey,
    Overlap,
    OverlapRule,
    check_key_name,
)
from dispatchserver.pages.formreader import FormReader, in_range
from dispatchserver.pages.words import Viewer, visible


def overlap_fields(overlap: Overlap) -> dict[str, str]:
    """The fields that would make this rule again."""
    queued = overlap.rule is OverlapRule.QUEUE_ALL
    return {"overlap": overlap.rule, "overlap_max": str(overlap.waiting) if queued else ""}


def key_fields(key: ConcurrencyKey | None) -> dict[str, str]:
    """The fields that would make this key again; without a name there is none."""
    if key is None:
        return {}
    return {"key_name": key.name, "key_limit": str(key.limit), "key_busy": key.busy}


def read_overlap(form: FormReader) -> Overlap:
    """What becomes of a run while an earlier one is under way."""
    rule = form.choice("overlap", ALLOW.rule)
    if rule is not OverlapRule.QUEUE_ALL:
        return Overlap(rule=rule)
    return Overlap(
        rule=rule, waiting=form.take("overlap_max", in_range(1, WAITING_LIMIT), ALLOW.waiting)
    )


def read_key(form: FormReader) -> ConcurrencyKey | None:
    """The key that the task shares with others; None where the field of its name is empty."""
    name = form.take("key_name", check_key_name, None)
    if name is None:
        return None
    limit = form.take("key_limit", in_range(1, HOLDERS_LIMIT), 1)
    return ConcurrencyKey(name=name, limit=limit, busy=form.choice("key_busy", BusyRule.QUEUE))


def overlap_words(overlap: Overlap, viewer: Viewer) -> str:
    """The rule in words."""
    text = viewer.say(f"form.overlap.{overlap.rule}")
    if overlap.rule is not OverlapRule.QUEUE_ALL:
        return text
    return viewer.say("page.overlap.queue_all", text=text, most=overlap.waiting)


def key_words(key: ConcurrencyKey, viewer: Viewer) -> str:
    """The key, how many may hold it, and what becomes of the others."""
    busy = viewer.say(f"form.key_busy.{key.busy}")
    return viewer.say("page.key", name=visible(key.name), limit=key.limit, busy=busy)
