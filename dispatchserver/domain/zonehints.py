"""What somebody may have meant who wrote a time zone that is none."""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches

USUAL = ("Asia/Shanghai", "UTC")
OFFSET = re.compile(r"(?:GMT|UTC)?([+-])(\d{1,2})(?::?(\d{1,2}))?", re.IGNORECASE)
WEST_LIMIT, EAST_LIMIT = 12, 14
# Java reads these as one place, often not the one that was meant: CST is Chicago there, BST Dhaka.
SHORT_NAMES: Mapping[str, tuple[str, ...]] = {
    "ACT": ("Australia/Darwin",),
    "AET": ("Australia/Sydney",),
    "AGT": ("America/Argentina/Buenos_Aires",),
    "ART": ("Africa/Cairo",),
    "AST": ("America/Halifax", "America/Anchorage"),
    "BET": ("America/Sao_Paulo",),
    "BST": ("Europe/London", "Asia/Dhaka"),
    "CAT": ("Africa/Maputo",),
    "CNT": ("America/St_Johns",),
    "CST": ("Asia/Shanghai", "America/Chicago"),
    "CTT": ("Asia/Shanghai",),
    "EAT": ("Africa/Nairobi",),
    "ECT": ("Europe/Paris", "America/Guayaquil"),
    "IET": ("America/Indiana/Indianapolis",),
    "IST": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "JST": ("Asia/Tokyo",),
    "MIT": ("Pacific/Apia",),
    "NET": ("Asia/Yerevan",),
    "NST": ("Pacific/Auckland", "America/St_Johns"),
    "PLT": ("Asia/Karachi",),
    "PNT": ("America/Phoenix",),
    "PRT": ("America/Puerto_Rico",),
    "PST": ("America/Los_Angeles",),
    "SST": ("Pacific/Guadalcanal", "Pacific/Pago_Pago"),
    "VST": ("Asia/Ho_Chi_Minh",),
    "Z": ("UTC",),
}


def nearest_zones(name: str, zones: Collection[str]) -> tuple[str, ...]:
    """The names that come nearest, the likeliest first; the usual ones where none does."""
    return (
        SHORT_NAMES.get(name.strip().upper())
        or _by_offset(name.strip())
        or _by_spelling(name, zones)
        or USUAL
    )


def _by_offset(name: str) -> tuple[str, ...]:
    """The zone of this many whole hours, in whose own name the sign is turned round: Etc/GMT-8 is UTC+8."""
    found = OFFSET.fullmatch(name)
    if found is None:
        return ()
    hours = int(found[1] + found[2])
    if int(found[3] or 0) or not -WEST_LIMIT <= hours <= EAST_LIMIT:
        return USUAL
    fixed = f"Etc/GMT{-hours:+d}" if hours else "UTC"
    return ("Asia/Shanghai", fixed) if hours == 8 else (fixed,)


def _by_spelling(name: str, zones: Collection[str]) -> tuple[str, ...]:
    lower = {zone.lower(): zone for zone in zones}
    last = {zone.rsplit("/", 1)[-1].lower(): zone for zone in sorted(zones, reverse=True)}
    found = [lower[match] for match in get_close_matches(name.lower(), lower, n=2)]
    found += [last[match] for match in get_close_matches(name.lower(), last, n=1)]
    return tuple(dict.fromkeys(found))
