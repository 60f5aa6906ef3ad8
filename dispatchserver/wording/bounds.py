"""Where a schedule starts and ends, and the repeats that are counted from a start, in words."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dispatchserver.domain.descriptions import AfterRuns, Occasions, Repeats
from dispatchserver.messages import say

UNITS = (
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
    (timedelta(seconds=1), "second"),
    (timedelta(milliseconds=1), "millisecond"),
)
LARGEST_COUNT = 120


def in_bounds(occasions: Occasions, text: str, lang: str) -> str:
    """The sentence so far, with the moments it starts and ends at."""
    params = {
        name: say_moment(moment, occasions.zone)
        for name, moment in (("start", occasions.start), ("end", occasions.end))
        if moment is not None
    }
    if not params:
        return text
    return say(lang, f"words.bounds.{'_and_'.join(params)}", text=text, **params)


def say_repeats(repeats: Repeats, lang: str) -> str:
    """`every 10 seconds from 2026-05-01 10:00:00 to 10:00:20, 3 times in all`."""
    first = say_moment(repeats.first, repeats.zone)
    if repeats.step is None:
        return say(lang, "words.repeats.once", first=first)
    every = _say_step(repeats.step, lang)
    if repeats.last is None:
        return say(lang, "words.repeats.for_ever", every=every, first=first)
    last = say_moment(repeats.last, repeats.zone, since=repeats.first)
    count = repeats.count
    return say(lang, "words.repeats.counted", every=every, first=first, last=last, count=count)


def say_after_runs(runs: AfterRuns, lang: str) -> str:
    """`10 minutes after each run ends, the first on 2026-05-01 10:00:00`."""
    first, delay = say_moment(runs.first, runs.zone), _say_length(runs.delay, lang)
    text = say(lang, "words.after_runs", delay=delay, first=first)
    if runs.end is None:
        return text
    return say(lang, "words.bounds.end", text=text, end=say_moment(runs.end, runs.zone))


def say_moment(moment: datetime, zone: ZoneInfo, since: datetime | None = None) -> str:
    """Date and time by the zone's clock; the time alone on the day of `since`."""
    wall = moment.astimezone(zone).replace(tzinfo=None)
    precise = "milliseconds" if wall.microsecond else "seconds"
    if since is not None and since.astimezone(zone).date() == wall.date():
        return wall.time().isoformat(precise)
    return wall.isoformat(" ", precise)


def _say_step(step: timedelta, lang: str) -> str:
    for size, unit in UNITS:
        count, rest = divmod(step, size)
        if not rest and count <= LARGEST_COUNT and (unit, count) != ("day", 1):
            return say(lang, f"words.every.{'one' if count == 1 else 'many'}.{unit}", count=count)
    return say(lang, "words.every.mixed", step=_say_length(step, lang))


def _say_length(step: timedelta, lang: str) -> str:
    parts = []
    for size, unit in UNITS:
        count, step = divmod(step, size)
        if count:
            key = f"words.length.{'one' if count == 1 else 'many'}.{unit}"
            parts.append(say(lang, key, count=count))
    return say(lang, "words.length.space").join(parts)
