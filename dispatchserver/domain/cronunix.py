"""What a five-field unix crontab line would be in Quartz: a hint for people, never run by itself.

The two count weekdays differently (unix 0 = Sunday, Quartz 1 = Sunday), so days of the week are
written as names here.
"""

import re
from collections.abc import Sequence

from croniter import croniter

from dispatchserver.domain.cronfields import WEEKDAYS

NICKNAMES = {
    "@YEARLY": "0 0 0 1 1 ?",
    "@ANNUALLY": "0 0 0 1 1 ?",
    "@MONTHLY": "0 0 0 1 * ?",
    "@WEEKLY": "0 0 0 ? * SUN",
    "@DAILY": "0 0 0 * * ?",
    "@MIDNIGHT": "0 0 0 * * ?",
    "@HOURLY": "0 0 * * * ?",
}

_PLAIN = re.compile(r"[A-Z0-9*?,/#-]+")
_WEEKDAY = re.compile(r"(?:(\*|[0-7])|([0-7])-([0-7]))(?:/([1-7]))?")
_WRAPPING = re.compile(r"(?<![0-9])([0-9]+)-([0-9]+)")


def to_quartz(fields: Sequence[str]) -> list[str]:
    """One Quartz expression, or two where unix means "either day"; none if this is no plain unix line."""
    if not all(_PLAIN.fullmatch(text) for text in fields) or not croniter.is_valid(
        " ".join(fields)
    ):
        return []
    minute, hour, day, month, weekday = fields
    times = f"0 {minute} {hour}"
    weekdays = _weekdays(weekday)
    if weekdays is None or any(_goes_backwards(text) for text in (minute, hour, day, month)):
        return []
    if weekday in ("*", "?"):
        return [f"{times} {'*' if day == '?' else day} {month} ?"]
    if day in ("*", "?"):
        return [f"{times} ? {month} {weekdays}"]
    if "*" in day or "*" in weekday:  # crons disagree whether this means "either" or "both"
        return []
    return [f"{times} {day} {month} ?", f"{times} ? {month} {weekdays}"]


def _goes_backwards(text: str) -> bool:
    """Whether a range ends below its start: unix refuses it, and Quartz would wrap around."""
    return any(int(low) > int(high) for low, high in _WRAPPING.findall(text))


def _weekdays(text: str) -> str | None:
    """A unix day-of-week field in Quartz's words; None when there are none."""
    if text in ("*", "?"):
        return "*"
    if nth := re.fullmatch(r"([0-7])#([1-5])", text):
        return f"{WEEKDAYS[int(nth[1]) % 7]}#{nth[2]}"
    days: set[int] = set()
    for item in text.split(","):
        found = _days_of(item)
        if found is None:
            return None
        days |= found
    return "*" if len(days) == 7 else ",".join(_runs(sorted(days)))


def _days_of(item: str) -> set[int] | None:
    for number, name in enumerate(WEEKDAYS):
        item = item.replace(name, str(number))
    match = _WEEKDAY.fullmatch(item)
    if match is None:
        return None
    single, low, high, step = match.groups()
    if single and not step and single != "*":
        return {int(single) % 7}
    start = 0 if single == "*" else int(single or low)
    end = int(high) if high else 6
    return {day % 7 for day in range(start, end + 1, int(step or 1))} or None


def _runs(days: Sequence[int]) -> list[str]:
    """Weekdays as names, three and more in a row as a range."""
    words: list[str] = []
    while days:
        length = 1
        while length < len(days) and days[length] == days[0] + length:
            length += 1
        run = [WEEKDAYS[day] for day in days[:length]]
        words += [f"{run[0]}-{run[-1]}"] if length > 2 else run
        days = days[length:]
    return words
