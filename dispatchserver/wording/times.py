"""The times of a day, in words."""

from dispatchserver.domain.descriptions import Clocks, Numbers, Pattern, Rhythm, Times, Window
from dispatchserver.messages import say
from dispatchserver.wording.listing import clock, joined, listed, plain

UNITS = ((3600, "hour"), (60, "minute"), (1, "second"))


def say_times(times: Times, lang: str) -> str:
    """`09:15 and 13:15`, `every 5 minutes from 08:00 to 17:55`, `every hour at :07 and :22`."""
    match times:
        case Clocks():
            precise = any(time % 60 for time in times.times)
            return joined([clock(time, precise=precise) for time in times.times], lang)
        case Rhythm():
            return _say_rhythm(times, lang)
        case Pattern():
            return (
                _say_minutes(times, lang) if _has_one_second(times) else _say_seconds(times, lang)
            )


def goes_round_the_clock(times: Times) -> bool:
    """Whether the words go round the clock, so that `every day` would only repeat them."""
    match times:
        case Rhythm():
            return times.all_day and times.windows[0].first == 0
        case Pattern():
            return times.hours.whole
        case Clocks():
            return False


def say_every(seconds: int, lang: str) -> str:
    """`every 5 minutes`."""
    size, unit = next((size, unit) for size, unit in UNITS if seconds % size == 0)
    count = seconds // size
    return say(lang, f"words.every.{'one' if count == 1 else 'many'}.{unit}", count=count)


def _say_rhythm(rhythm: Rhythm, lang: str) -> str:
    every = say_every(rhythm.step, lang)
    if rhythm.all_day and rhythm.windows[0].first == 0:
        return every
    precise = any(end % 60 for window in rhythm.windows for end in (window.first, window.last))
    windows = [_say_window(window, lang, precise=precise) for window in rhythm.windows]
    return say(lang, "words.within", every=every, windows=joined(windows, lang))


def _say_window(window: Window, lang: str, *, precise: bool) -> str:
    first, last = (clock(end, precise=precise) for end in (window.first, window.last))
    key = "words.window.point" if first == last else "words.window.span"
    return say(lang, key, first=first, last=last)


def _has_one_second(pattern: Pattern) -> bool:
    return pattern.seconds.single is not None


def _say_minutes(pattern: Pattern, lang: str) -> str:
    """A pattern of whole minutes: `every hour at :15 and :45`, `every 5 minutes in the hours 0, 2, 4 … 22`."""
    second, hours = pattern.seconds.single, _hours(pattern, lang)
    if pattern.minutes.every:
        every = say_every(60 * pattern.minutes.every, lang)
        if second:
            every = say(lang, "words.pattern.every_at_second", every=every, second=second)
        return say(lang, "words.pattern.every" + _suffix(pattern.hours), every=every, hours=hours)
    minutes = listed(
        pattern.minutes,
        lang,
        lambda value: say(lang, "words.pattern.minute", value=value),
        "words.pattern.run",
    )
    key = "words.pattern.minutes" + _suffix(pattern.hours)
    text = say(lang, key, minutes=minutes, hours=hours)
    return say(lang, "words.pattern.at_second", text=text, second=second) if second else text


def _say_seconds(pattern: Pattern, lang: str) -> str:
    """A pattern of seconds: `every 10 seconds in minutes 0–10 of every hour`."""
    hours = say(lang, "words.pattern.in" + _suffix(pattern.hours), hours=_hours(pattern, lang))
    if pattern.seconds.every:
        seconds = say_every(pattern.seconds.every, lang)
        kind = "rhythm"
    else:
        seconds = listed(pattern.seconds, lang, plain, "words.pattern.run")
        kind = "seconds"
    if pattern.minutes.whole:
        scope = "minute_all_day" if pattern.hours.whole else "minute"
        return say(lang, f"words.pattern.{kind}.{scope}", seconds=seconds, hours=hours)
    minutes = listed(pattern.minutes, lang, plain, "words.pattern.run")
    single = "one_minute" if pattern.minutes.single is not None else "minutes"
    return say(
        lang, f"words.pattern.{kind}.{single}", seconds=seconds, minutes=minutes, hours=hours
    )


def _hours(pattern: Pattern, lang: str) -> str:
    return listed(pattern.hours, lang, plain, "words.pattern.run")


def _suffix(hours: Numbers) -> str:
    if hours.whole:
        return ".all_day"
    return ".hours" if hours.single is None else ".hour"
