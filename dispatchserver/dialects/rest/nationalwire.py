"""A country's holidays as JSON: what is asked for, and what was added. Pure."""

from dispatchserver.dialects.rest.calendarwire import Doc, calendar_doc, days_doc, read_object
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader, as_boolean, as_integer, as_list, as_text
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.nationaldays import YEARS_LIMIT, NationalAsked, check_years, read_years
from dispatchserver.engine.calendars import NationalPut
from dispatchserver.messages import LANGUAGES, say

KEYS = ("country", "subdivision", "years", "weekend", "language")


def read_national(body: bytes, lang: str) -> NationalAsked:
    """Whose holidays a body asks for, their titles in `lang` where it names no language; raises Refused."""
    faults = Faults()
    doc = read_object(body, KEYS, faults)
    reader = FieldReader(doc, faults)
    asked = NationalAsked(
        country=reader.need(("country",), as_text) or "",
        subdivision=reader.take("subdivision", as_text, None),
        years=reader.need(("years",), _years) or (),
        weekend=reader.take("weekend", as_boolean, True),
        lang=reader.take("language", _language, lang),
    )
    faults.raise_if_any()
    return asked


def national_doc(done: NationalPut, lang: str) -> Doc:
    """The calendar as it stands now, what the country brought, and what to know about that."""
    days, until = done.days, done.days.made_up_until
    notices = [] if until is None else [say(lang, "calendar.made_up_until", year=until)]
    named: Doc = {"country": days.country, "weekdays": list(days.weekdays)}
    return calendar_doc(done.calendar) | {
        "named": named | days_doc(days.excluded, days.working),
        "made_up_until": until,
        "notices": list(notices),
    }


def _years(value: JsonValue) -> tuple[int, ...]:
    if isinstance(value, str):
        return read_years(value)
    return check_years(tuple(as_integer(year) for year in as_list(value, YEARS_LIMIT)))


def _language(value: JsonValue) -> str:
    if value not in LANGUAGES:
        raise Invalid("field.choice", allowed=", ".join(LANGUAGES))
    return str(value)
