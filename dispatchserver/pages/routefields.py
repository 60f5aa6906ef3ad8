"""Several addresses of one recall in the task's form: filled into fields, read back, and told in words. Pure."""

from collections.abc import Callable, Hashable
from typing import TypeVar

from dispatchserver.domain.errors import DispatchError, Fault, Invalid
from dispatchserver.domain.fire import Fire
from dispatchserver.domain.recall import Recall
from dispatchserver.domain.route import (
    USUAL,
    Route,
    RouteRule,
    check_path,
    check_rule,
    check_several,
    first_twice,
)
from dispatchserver.pages.formreader import Form, FormReader
from dispatchserver.pages.words import Viewer, visible

A = TypeVar("A", bound=Hashable)


def route_fields(recall: Recall) -> dict[str, str]:
    """The fields that would make the further addresses, and the choice among them, again."""
    if not recall.also:
        return {}
    further = recall.addresses[1:]
    return {
        "also": "\n".join(further),
        "route": recall.route.rule,
        "route_by": recall.route.by or "",
    }


def read_also(form: FormReader, first: A, read: Callable[[str], A]) -> tuple[A, ...]:
    """The further addresses, one a line, beside the first one."""
    said = form.text("also").splitlines()
    found = [(number, line.strip()) for number, line in enumerate(said, 1) if line.strip()]
    addresses: list[A] = []
    for number, line in found:
        try:
            addresses.append(read(line))
        except Invalid as invalid:
            form.refuse("also", invalid, line_number=number)
    if len(addresses) < len(found) or not found:
        return ()
    try:
        check_several(1 + len(addresses))
    except Invalid as invalid:
        form.refuse("also", invalid)
    twice = first_twice([first, *addresses])
    if twice is not None:
        form.refuse("also", Invalid("route.twice"), line_number=found[twice - 1][0])
    return tuple(addresses)


def place_of(error: DispatchError, form: Form) -> Fault | None:
    """What was found wrong with one of the further addresses, at its line; None where it was with the first."""
    number = int(str(error.params.get("number", 0)))
    if number == 0:
        return None
    lines = [at for at, line in enumerate(form["also"].strip().splitlines(), 1) if line.strip()]
    params = {**error.params, "line_number": lines[number - 1]}
    return Fault(field="also", code=error.code, params=params)


def read_route(form: FormReader) -> Route:
    """How one of several addresses is chosen; where there is only one, nothing is read."""
    if not form.text("also"):
        return USUAL
    rule = form.choice("route", USUAL.rule)
    if rule is not RouteRule.HASH:
        return Route(rule=rule)
    by = form.need("route_by", check_path)
    return USUAL if by is None else check_rule(rule, by)


def as_called(recall: Recall | None, fire: Fire) -> Recall | None:
    """The recall as this fire calls it: a shard of a broadcast has one of the addresses."""
    return recall.only(fire.shard) if recall is not None and fire.shards > 1 else recall


def address_lines(recall: Recall) -> str:
    """All addresses, one a line."""
    return "\n".join(map(visible, recall.addresses))


def route_words(route: Route, viewer: Viewer) -> str:
    """How one of several is chosen."""
    text = viewer.say(f"form.route.{route.rule}")
    if route.by is None:
        return text
    return viewer.say("page.task.by_data", text=text, path=visible(route.by))
