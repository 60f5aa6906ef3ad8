"""Lists, ranges, names and clock times, as each language writes them."""

import re
from collections.abc import Callable, Sequence

from dispatchserver.domain.descriptions import Numbers, Run
from dispatchserver.messages import say

_HAN = r"[\u4e00-\u9fff]"
_LATIN = "[0-9A-Za-z]"
_WHERE_SCRIPTS_MEET = re.compile(f"(?<={_HAN})(?={_LATIN})|(?<={_LATIN})(?={_HAN})")

Name = Callable[[int], str]


def spaced(text: str) -> str:
    """The text with a space wherever a Chinese character meets a digit or a Latin letter."""
    return _WHERE_SCRIPTS_MEET.sub(" ", text)


def joined(items: Sequence[str], lang: str) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(items) == 1:
        return items[0]
    others = say(lang, "words.join.comma").join(items[:-1])
    return say(lang, "words.join.and", others=others, last=items[-1])


def name_of(kind: str, lang: str, index: int) -> str:
    """The name in a list of names: a month, a weekday, an ordinal; counted from 1."""
    return say(lang, f"words.names.{kind}").split("|")[index - 1]


def namer(kind: str, lang: str) -> Name:
    """Gives the names of one kind."""
    return lambda index: name_of(kind, lang, index)


def plain(value: int) -> str:
    """The digits."""
    return str(value)


def listed(numbers: Numbers, lang: str, name: Name, run: str = "words.run") -> str:
    """All of a field's values; longer runs as `a to b`, even steps as `a, b, c … z`."""
    return joined([_say_run(part, lang, name, run) for part in numbers.runs], lang)


def _say_run(part: Run, lang: str, name: Name, key: str) -> str:
    if part.first == part.last:
        return name(part.first)
    if part.step == 1:
        return say(lang, key, first=name(part.first), last=name(part.last))
    second, third = part.first + part.step, part.first + 2 * part.step
    return say(
        lang,
        "words.stepped",
        first=name(part.first),
        second=name(second),
        third=name(third),
        last=name(part.last),
    )


def one_run(numbers: Numbers) -> Run | None:
    """The run, when the values are all in one."""
    run = numbers.runs[0]
    return run if len(numbers.runs) == 1 and run.first != run.last and run.step == 1 else None


def members(numbers: Numbers, highest: int) -> list[int]:
    """The values one by one, in a field that counts from 1."""
    found: list[int] = []
    for run in numbers.runs:
        end = run.last if run.last >= run.first else run.last + highest
        found += [(value - 1) % highest + 1 for value in range(run.first, end + 1, run.step)]
    return sorted(found)


def clock(second_of_day: int, *, precise: bool) -> str:
    """A time of day, `09:05` or `09:05:00`."""
    minutes, second = divmod(second_of_day, 60)
    text = f"{minutes // 60:02d}:{minutes % 60:02d}"
    return f"{text}:{second:02d}" if precise else text
