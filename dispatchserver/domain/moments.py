"""Moments as the domain knows them: aware UTC datetimes, cut to the millisecond, and their wire forms."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
SECONDS = len("2026-03-04T12:00:00")
MILLISECONDS = len("2026-03-04T12:00:00.000")


def from_ms(ms: int) -> datetime:
    """The moment this many milliseconds after the epoch."""
    return EPOCH + ms * MILLISECOND


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since the epoch, cut, never rounded up: a moment must not move into the future."""
    return (moment - EPOCH) // MILLISECOND


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC; milliseconds only where there are any."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    text = moment.isoformat()
    return text[:MILLISECONDS] + "Z" if moment.microsecond >= 1000 else text[:SECONDS] + "Z"
