"""Several addresses of one recall, and the rule that chooses among them, as JSON: one word, or an object. Pure."""

from collections.abc import Callable, Hashable
from typing import TypeVar

from dispatchserver.documents.triggers import Doc
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fields import FieldReader, as_list, as_member, as_text
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.route import (
    ADDRESSES_LIMIT,
    USUAL,
    Route,
    RouteRule,
    check_path,
    check_rule,
    check_several,
    first_twice,
)

A = TypeVar("A", bound=Hashable)


def read_addresses(reader: FieldReader, name: str, read: Callable[[JsonValue], A]) -> tuple[A, ...]:
    """The addresses of the list under this name, 2 to 50; empty where one is faulty (and then booked)."""
    known = reader.fault_count
    reader.take(name, _counted, ())
    if reader.fault_count > known:
        return ()
    found = reader.take_each(name, ADDRESSES_LIMIT, read)
    if reader.fault_count > known:
        return ()
    twice = first_twice(found)
    if twice is not None:
        reader.refuse(f"{name}[{twice}]", "route.twice")
    return tuple(found)


def _counted(value: JsonValue) -> int:
    try:
        return check_several(len(as_list(value, ADDRESSES_LIMIT)))
    except Invalid as invalid:
        raise Invalid("route.count", most=ADDRESSES_LIMIT) from invalid


def read_route(reader: FieldReader, several: bool) -> Route:
    """`"round_robin"`, or `{"policy": "hash", "by": "$.order.customer"}`; of no meaning for a single address."""
    if reader.has("route") and not several:
        reader.refuse("route", "route.alone")
        return USUAL
    if not reader.holds_object("route"):
        return reader.take("route", lambda value: check_rule(_rule(value), None), USUAL)
    route = reader.inside("route")
    if route is None:
        return USUAL
    rule = route.need(("policy",), _rule)
    by = route.take("by", lambda value: check_path(as_text(value)), None)
    if rule is RouteRule.HASH and not route.has("by"):
        route.refuse("by", "route.by_missing")
    elif rule is not None and rule is not RouteRule.HASH and route.has("by"):
        route.refuse("by", "route.by_alone")
    route.refuse_unread()
    return Route(rule=rule or USUAL.rule, by=by)


def _rule(value: JsonValue) -> RouteRule:
    return as_member(value, RouteRule)


def route_doc(route: Route) -> Doc:
    """The rule as it is read."""
    doc: Doc = {"policy": route.rule}
    return doc if route.by is None else doc | {"by": route.by}
