"""Moments as the domain knows them: aware UTC datetimes, cut to the millisecond, and their wire forms."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    """The moment this many milliseconds after the epoch."""
    return EPOCH + ms * MILLISECOND


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since the epoch, cut, never rounded up: a moment must not move into the future."""
    return (moment - EPOCH) // MILLISECOND


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC; milliseconds only where there are any."""
    precise = "milliseconds" if moment.microsecond // 1000 else "seconds"
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec=precise)[:-6] + "Z"
