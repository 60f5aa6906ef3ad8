"""The addresses of `/api/v1/groups`, and their documents."""

from collections.abc import Mapping, Sequence

from aiohttp import web

from dispatchserver.auth.doors import ACTOR, ErrorPage, Handler, Route
from dispatchserver.auth.intake import read_body
from dispatchserver.dialects.rest.calendarwire import read_text
from dispatchserver.dialects.rest.routes import answer, rest_routes
from dispatchserver.documents.groups import SETTINGS, group_settings_doc, read_group_settings
from dispatchserver.documents.triggers import Doc, iso_or_none
from dispatchserver.domain.faults import Faults, naming
from dispatchserver.domain.fields import as_object
from dispatchserver.domain.group import GroupKey, GroupSpec
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.task import DEFAULT_NAMESPACE, check_name
from dispatchserver.engine.groups import GroupCases, GroupStatus


class GroupRoutes:
    """Shows groups and takes what they say; every fault is answered as REST answers it."""

    def __init__(self, groups: GroupCases, refuse: ErrorPage) -> None:
        self._groups = groups
        self._refuse = refuse

    def routes(self) -> Sequence[Route]:
        """Every address under /api/v1/groups."""
        one = "/groups/{group}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/groups", self._list),
            ("GET", one, self._show),
            ("PUT", one, self._put),
        ]
        return rest_routes(table, self._refuse)

    async def _list(self, request: web.Request) -> web.Response:
        found = await self._groups.list(DEFAULT_NAMESPACE)
        return answer({"items": [group_doc(group) for group in found]})

    async def _show(self, request: web.Request) -> web.Response:
        return answer(group_doc(await self._groups.find(group_key(request))))

    async def _put(self, request: web.Request) -> web.Response:
        key = group_key(request)
        with naming("group", key.name):
            check_name(key.name)
        spec = read_settings(await read_body(request))
        return answer(group_doc(await self._groups.put(key, lambda standing: spec, request[ACTOR])))


def group_key(request: web.Request) -> GroupKey:
    """The group that the address names."""
    return GroupKey(namespace=DEFAULT_NAMESPACE, name=request.match_info["group"])


def group_doc(group: GroupStatus) -> Doc:
    """A group with how many tasks it has."""
    return {
        "namespace": group.key.namespace,
        "group": group.key.name,
        "tasks": group.tasks,
        **group_settings_doc(group.spec),
        "version": group.version,
        "updated_at": iso_or_none(group.updated_at),
    }


def read_settings(body: bytes) -> GroupSpec:
    """All that a group is to say from now on; raises Refused with every fault."""
    text, faults = read_text(body), Faults()
    doc: Mapping[str, JsonValue] = {}
    with naming("body"):
        doc = as_object(text)
    for name in doc:
        if name not in SETTINGS:
            faults.add(name, "field.unknown", doc[name], allowed=", ".join(SETTINGS))
    spec = read_group_settings(doc, faults)
    faults.raise_if_any()
    return spec
