"""Schedules in words: descriptions and notices of the domain, put into Chinese or English for people."""

from dispatchserver.domain.dayinterval import DayIntervalTrigger
from dispatchserver.domain.describing import describe as describe_in_facts
from dispatchserver.domain.describingdays import day_interval as describe_day_interval
from dispatchserver.domain.describingdays import occasions as describe_window
from dispatchserver.domain.descriptions import (
    AfterRuns,
    Clocks,
    Description,
    Lines,
    Occasions,
    Repeats,
)
from dispatchserver.domain.triggers import Trigger
from dispatchserver.domain.windowtrigger import WindowTrigger
from dispatchserver.messages import say
from dispatchserver.wording.bounds import in_bounds, say_after_runs, say_repeats
from dispatchserver.wording.days import say_days, say_limits, say_years
from dispatchserver.wording.listing import spaced
from dispatchserver.wording.notices import say_notice
from dispatchserver.wording.rates import say_rate
from dispatchserver.wording.times import goes_round_the_clock, say_times

__all__ = ["describe", "say_description", "say_its_days", "say_notice", "say_rate"]


def describe(trigger: Trigger, lang: str) -> str:
    """When this trigger fires, in one sentence without its full stop."""
    return say_description(describe_in_facts(trigger), lang)


def say_its_days(trigger: WindowTrigger | DayIntervalTrigger, lang: str) -> str:
    """The days alone on which it fires: `every Monday and Friday, only every 2 weeks`."""
    if isinstance(trigger, WindowTrigger):
        occasions = describe_window(trigger)
    else:
        occasions = describe_day_interval(trigger)
    return spaced(say_limits(occasions, say_days(occasions, lang, form="lead"), lang))


def say_description(description: Description, lang: str) -> str:
    """A description in words."""
    match description:
        case Occasions():
            return spaced(_say_occasions(description, lang))
        case Repeats():
            return spaced(say_repeats(description, lang))
        case Lines(lines=lines):
            return say(lang, "words.lines").join(say_description(line, lang) for line in lines)
        case AfterRuns():
            return spaced(say_after_runs(description, lang))


def _say_occasions(occasions: Occasions, lang: str) -> str:
    times = say_times(occasions.times, lang)
    at_clocks = isinstance(occasions.times, Clocks)
    form = "lead" if at_clocks else "implied" if goes_round_the_clock(occasions.times) else "on"
    days = say_days(occasions, lang, form=form)
    key = "words.when.clocks" if at_clocks else "words.when.rhythm"
    text = say(lang, key, days=days, times=times) if days else times
    text = say_limits(occasions, say_years(occasions, text, lang), lang)
    return in_bounds(occasions, text, lang)
