"""The days, months and years of a schedule, in words."""

from dispatchserver.domain.crondays import (
    LastDay,
    LastDayWeekday,
    LastWeekday,
    NearestWeekday,
    NthWeekday,
)
from dispatchserver.domain.cronfields import FIRST_YEAR
from dispatchserver.domain.cronsearch import LAST_YEAR
from dispatchserver.domain.descriptions import (
    DaysAndLast,
    DaysOfMonth,
    DaysOfWeek,
    EveryDay,
    EveryNthDay,
    Numbers,
    Occasions,
)
from dispatchserver.messages import say
from dispatchserver.wording.listing import joined, listed, members, name_of, namer, one_run, plain

WORKING_DAYS, WEEKEND = [1, 2, 3, 4, 5], [6, 7]
MONTHS, WEEK = 12, 7

MonthDays = (
    DaysOfMonth | DaysAndLast | LastDay | LastDayWeekday | NearestWeekday | LastWeekday | NthWeekday
)


def say_days(occasions: Occasions, lang: str, *, form: str) -> str:
    """The days and months: in front (form `lead`: `every weekday`), after the times (`on`: `on weekdays`),
    or not saying that it is every day (`implied`).
    """
    months = occasions.months
    match occasions.days:
        case EveryDay():
            return _within_months(say(lang, f"words.daily.{form}"), months, lang)
        case EveryNthDay(every):
            nth = say(lang, "words.every_nth_day", count=every)
            return _within_months(nth, months, lang)
        case DaysOfWeek(numbers):
            form = "lead" if form == "lead" else "on"
            return _within_months(_say_weekdays(numbers, form, lang), months, lang)
        case days:
            key = "words.date.lead" if form == "lead" else "words.date.on"
            return say(lang, key, date=_say_date(days, _of_months(months, lang), lang))


def say_years(occasions: Occasions, text: str, lang: str) -> str:
    """The sentence so far, with its years; in some languages also with `every year` before a month."""
    years = occasions.years
    if years.whole:
        return text if occasions.months.whole else say(lang, "words.years.every", text=text)
    only = years.runs[0]
    if len(years.runs) > 1 or only.first == only.last:
        found = listed(years, lang, plain)
        return say(lang, "words.years.list", text=text, years=found)
    step = years.runs[0].step
    key = f"words.years.{'run' if step == 1 else 'stepped'}"
    if only.last + step > LAST_YEAR:
        key += "_on"
    if step == 2 and only.first == FIRST_YEAR:
        key = "words.years.even"
    return say(lang, key, text=text, first=only.first, last=only.last, step=step)


def say_limits(occasions: Occasions, text: str, lang: str) -> str:
    """The sentence so far, with what else a day must be: one of some weekdays, in every n-th week or month."""
    if occasions.only is not None:
        days = _say_weekdays(occasions.only.numbers, "on", lang)
        text = say(lang, "words.only", text=text, days=days)
    if occasions.cycle is not None:
        key = f"words.cycle.{occasions.cycle.unit}"
        text = say(lang, key, text=text, count=occasions.cycle.every)
    return text


def say_weekday(weekday: int, lang: str) -> str:
    """The name of a weekday, 0 or 7 = Sunday."""
    return name_of("weekdays", lang, weekday or WEEK)


def say_months(months: list[int], lang: str) -> str:
    """The names of months, one by one."""
    return joined([name_of("months", lang, month) for month in months], lang)


def _within_months(days: str, months: Numbers, lang: str) -> str:
    if months.whole:
        return days
    if run := one_run(months):
        first, last = (name_of("months", lang, month) for month in (run.first, run.last))
        within = say(lang, "words.months.in_run", first=first, last=last)
    else:
        within = say(lang, "words.months.in", months=say_months(members(months, MONTHS), lang))
    return say(lang, "words.months.with_days", days=days, months=within) if days else within


def _of_months(months: Numbers, lang: str) -> str:
    if months.whole:
        return say(lang, "words.months.of_each")
    if run := one_run(months):
        first, last = (name_of("months", lang, month) for month in (run.first, run.last))
        return say(lang, "words.months.of_run", first=first, last=last)
    key = "words.months.of_list" if months.single is None else "words.months.of_one"
    return say(lang, key, months=say_months(members(months, MONTHS), lang))


def _say_weekdays(numbers: Numbers, form: str, lang: str) -> str:
    days = members(numbers, WEEK)
    if days in (WORKING_DAYS, WEEKEND):
        kind = "weekdays" if days == WORKING_DAYS else "weekend"
        return say(lang, f"words.weekly.{form}.{kind}")
    if len(days) == WEEK - 1:
        (missing,) = {*range(1, WEEK + 1)} - {*days}
        return say(lang, f"words.weekly.{form}.but", day=say_weekday(missing, lang))
    if run := one_run(numbers):
        first, last = say_weekday(run.first, lang), say_weekday(run.last, lang)
        return say(lang, f"words.weekly.{form}.run", first=first, last=last)
    names = "weekdays" if form == "lead" else "weekdays_on"
    found = joined([name_of(names, lang, day) for day in days], lang)
    return say(lang, f"words.weekly.{form}.list", days=found)


def _say_date(days: MonthDays, of: str, lang: str) -> str:
    match days:
        case DaysOfMonth(numbers):
            found = listed(numbers, lang, namer("days", lang))
            return say(lang, "words.date.numbers", of=of, days=found)
        case DaysAndLast(numbers):
            found = listed(numbers, lang, namer("days", lang))
            return say(lang, "words.date.numbers_and_last", of=of, days=found)
        case LastDay(offset) | LastDayWeekday(offset):
            kind = "last_weekday" if isinstance(days, LastDayWeekday) else "last"
            if offset == 0:
                return say(lang, f"words.date.{kind}", of=of)
            day = name_of("from_end", lang, offset)
            return say(lang, f"words.date.{kind}_but", of=of, day=day)
        case NearestWeekday(day):
            key = "words.date.first_weekday" if day == 1 else "words.date.nearest_weekday"
            return say(lang, key, of=of, day=name_of("days", lang, day))
        case LastWeekday(weekday):
            return say(lang, "words.date.last_of", of=of, weekday=say_weekday(weekday, lang))
        case NthWeekday(weekday, nth):
            name = name_of("nth", lang, nth)
            return say(
                lang, "words.date.nth_of", of=of, nth=name, weekday=say_weekday(weekday, lang)
            )
