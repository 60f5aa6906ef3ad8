"""What every trigger of add.do is read against, and the fields that all of them have. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from dispatchserver.domain.defaults import NO_LAYERS, Layers
from dispatchserver.domain.dst import DstRule
from dispatchserver.domain.fields import FieldReader, as_member, as_moment


class RepeatCount(StrEnum):
    """What `repeatCount` counts: all fires, or those after the first as in Quartz."""

    TOTAL = "total"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What is taken for granted where a request says nothing; zone and policies are its group's, else the server's."""

    zone: ZoneInfo
    repeat_count: RepeatCount = RepeatCount.TOTAL
    policies: Layers = NO_LAYERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a trigger is read against: the present moment, the task's zone, the server's habits."""

    now: datetime
    zone: ZoneInfo
    habits: Habits


FIELD_OF = {
    "trigger.window_shape": "timeConfig.interval",
    "trigger.window_step": "timeConfig.interval",
    "trigger.window_closed": "timeConfig.windowEnd",
    "trigger.window_empty": "timeConfig",
    "trigger.window_ends_early": "endDate",
    "trigger.window_frequency": "timeConfig.days",
    "trigger.days_empty": "endDate",
    "trigger.union_lines": "lines",
    "trigger.union_double": "lines",
}


def read_start(reader: FieldReader, setting: Setting) -> datetime | None:
    return reader.take("startDate", lambda value: as_moment(value, setting.zone), None)


def read_end(reader: FieldReader, setting: Setting) -> datetime | None:
    return reader.take("endDate", lambda value: as_moment(value, setting.zone), None)


def read_dst(reader: FieldReader) -> DstRule:
    return reader.take("dst", lambda value: as_member(value, DstRule), DstRule.EXACTLY_ONCE)
