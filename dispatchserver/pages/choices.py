"""What the task form offers: the choices of its fields, and what a new form begins with. Pure."""

from dispatchserver.domain.authorization import KINDS
from dispatchserver.domain.calendar import Shift
from dispatchserver.domain.concurrency import ALLOW, BusyRule, OverlapRule
from dispatchserver.domain.dst import DstRule
from dispatchserver.domain.recall import Ack, BodyShape, Framing, RecallKind, ReplyRule
from dispatchserver.domain.retrypolicy import USUALLY_REPEATED, Failure
from dispatchserver.domain.route import USUAL, RouteRule
from dispatchserver.domain.trigger import CronDialect, SimpleTrigger
from dispatchserver.pages.words import UNITS

KEPT = "kept"
WEEKDAYS = range(1, 8)
MONTHDAYS = range(32)  # 0 is the last day
FAILURES = tuple(map(str, Failure))
SPAN_UNITS = tuple(reversed(UNITS))
CHOICES: dict[str, tuple[str, ...]] = {
    "trigger": ("simple", "days", "window", "cron", "union", "delay"),
    "repeat": ("forever", "count", "once", "later"),
    "unit": SPAN_UNITS,
    "after_unit": SPAN_UNITS,
    "delay_unit": SPAN_UNITS,
    "nth_unit": ("day", "week", "month"),
    "times": ("once", "span"),
    "step_unit": ("minute", "hour"),
    "dialect": tuple(CronDialect),
    "dst": tuple(DstRule),
    "shift": tuple(Shift),
    "recall": ("HTTP", "SOCKET"),
    "route": tuple(RouteRule),
    "body_shape": tuple(BodyShape),
    "reply_rule": tuple(ReplyRule),
    "framing": tuple(Framing),
    "ack": tuple(Ack),
    "data_kind": ("json", "text"),
    "misfire": ("fire_once", "skip", "fire_all"),
    "retry": ("usual", "never", "delays", "backoff"),
    "overlap": tuple(OverlapRule),
    "key_busy": tuple(BusyRule),
    "auth": ("none", *KINDS),
}
BLANK = {
    "priority": "0",
    "trigger": SimpleTrigger.kind,
    "repeat": "forever",
    "interval": "5",
    "unit": "minute",
    "after": "10",
    "after_unit": "minute",
    "delay": "10",
    "delay_unit": "minute",
    "days": "1",
    "nth": "1",
    "nth_unit": "week",
    **{f"weekday{day}": "1" for day in WEEKDAYS[:5]},
    "times": "once",
    "step": "30",
    "step_unit": "minute",
    "opens": "09:00",
    "closes": "18:00",
    "at": "09:00",
    "dialect": CronDialect.QUARTZ.value,
    "dst": DstRule.EXACTLY_ONCE.value,
    "shift": Shift.SKIP.value,
    "misfire": "fire_once",
    "retry": "usual",
    **{f"retry_on_{word}": "1" for word in FAILURES if word in USUALLY_REPEATED},
    "overlap": ALLOW.rule.value,
    "key_busy": BusyRule.QUEUE.value,
    "recall": RecallKind.HTTP.value,
    "route": USUAL.rule.value,
    "auth": "none",
    "body_shape": BodyShape.NESTED.value,
    "reply_rule": ReplyRule.AUTO.value,
    "framing": Framing.LINE.value,
    "ack": Ack.AUTO.value,
    "data_kind": "json",
}
