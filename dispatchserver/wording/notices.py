"""What may surprise about a schedule or a task, in words."""

from datetime import datetime
from zoneinfo import ZoneInfo

from dispatchserver.domain.explaining import Notice, Param
from dispatchserver.messages import say
from dispatchserver.wording.bounds import say_moment
from dispatchserver.wording.days import say_months, say_weekday
from dispatchserver.wording.listing import clock, joined, name_of, spaced

MOMENTS_OF_THE_DAY = {"fire", "again", "start", "end"}


def say_notice(notice: Notice, zone: ZoneInfo, lang: str) -> str:
    """A notice in words, its moments by the clock of this zone."""
    params = {name: _shown(name, value, zone, lang) for name, value in notice.params.items()}
    params.setdefault("times", params.get("first_times", ""))
    return spaced(say(lang, f"words.notice.{notice.code}", **params))


def _shown(name: str, value: Param, zone: ZoneInfo, lang: str) -> str:
    match value:
        case str():
            return value
        case datetime():
            return _say_fire(value, zone) if name in MOMENTS_OF_THE_DAY else say_moment(value, zone)
        case tuple():
            return _say_all(name, value, lang)
        case int():
            return _say_number(name, value, lang)
        case _:
            return value.isoformat()


def _say_fire(moment: datetime, zone: ZoneInfo) -> str:
    """A time of day with the zone's abbreviation, which tells the two passes of an hour apart."""
    local = moment.astimezone(zone)
    return f"{_say_clock(local)} {local.tzname()}"


def _say_all(name: str, values: tuple[int, ...] | tuple[datetime, ...], lang: str) -> str:
    months = [value for value in values if isinstance(value, int)]
    if months:
        return say_months(months, lang)
    times = [_say_clock(value) for value in values if isinstance(value, datetime)]
    if name == "first_times":
        return say(lang, "words.first_of_many", times=say(lang, "words.join.comma").join(times))
    return joined(times, lang)


def _say_clock(wall: datetime) -> str:
    return clock(wall.hour * 3600 + wall.minute * 60 + wall.second, precise=wall.second > 0)


def _say_number(name: str, value: int, lang: str) -> str:
    match name:
        case "day":
            return name_of("days", lang, value)
        case "weekday":
            return say_weekday(value, lang)
        case _:
            return f"{value:,}"
