"""How often a schedule fires, in words."""

from dispatchserver.domain.counting import Count
from dispatchserver.domain.explaining import Explanation
from dispatchserver.messages import say


def say_rate(explanation: Explanation, lang: str) -> str:
    """`fires on such a day: 2; in the next 365 days: 520`."""
    per_day, per_year = (
        _say_count(count, lang) for count in (explanation.per_day, explanation.per_year)
    )
    return say(lang, "explain.rate", per_day=per_day, per_year=per_year)


def _say_count(count: Count, lang: str) -> str:
    number = f"{count.number:,}"
    return number if count.exact else say(lang, "explain.over", number=number)
