"""The addresses of `/api/v1/groups/{group}/signing-keys`, and their documents."""

from collections.abc import Sequence

from aiohttp import web

from dispatchserver.auth.doors import ACTOR, ErrorPage, Handler, Route
from dispatchserver.auth.intake import read_body
from dispatchserver.dialects.rest.bodies import read_object
from dispatchserver.dialects.rest.groups import group_key
from dispatchserver.dialects.rest.routes import answer, rest_routes
from dispatchserver.documents.signing import FIELDS, read_rotation
from dispatchserver.documents.triggers import Doc, iso_or_none
from dispatchserver.domain.faults import Faults, naming
from dispatchserver.domain.moments import iso
from dispatchserver.domain.signing import Rotation
from dispatchserver.domain.task import check_name
from dispatchserver.engine.signing import KeyStatus, SigningCases


class SigningRoutes:
    """Makes keys, each shown whole in the answer that made it and nowhere else; lists and retires them."""

    def __init__(self, signing: SigningCases, refuse: ErrorPage) -> None:
        self._signing = signing
        self._refuse = refuse

    def routes(self) -> Sequence[Route]:
        """Every address of signing keys."""
        all_of_them = "/groups/{group}/signing-keys"
        table: list[tuple[str, str, Handler]] = [
            ("POST", all_of_them, self._rotate),
            ("GET", all_of_them, self._list),
            ("DELETE", all_of_them, self._retire_all),
            ("DELETE", all_of_them + "/{id}", self._retire),
        ]
        return rest_routes(table, self._refuse)

    async def _rotate(self, request: web.Request) -> web.Response:
        group = group_key(request)
        with naming("group", group.name):
            check_name(group.name)
        asked = read_asked(await read_body(request))
        with naming("key"):
            made = await self._signing.rotate(group, asked, request[ACTOR])
        newest, *former = map(key_doc, made.keys)
        return answer({"key": made.key, **newest, "former": former[0] if former else None}, 201)

    async def _list(self, request: web.Request) -> web.Response:
        found = await self._signing.list(group_key(request))
        return answer({"items": [key_doc(key) for key in found]})

    async def _retire(self, request: web.Request) -> web.Response:
        await self._signing.retire(group_key(request), request.match_info["id"], request[ACTOR])
        return web.Response(status=204)

    async def _retire_all(self, request: web.Request) -> web.Response:
        await self._signing.retire_all(group_key(request), request[ACTOR])
        return web.Response(status=204)


def key_doc(key: KeyStatus) -> Doc:
    """A key as it may be shown; `until` is null while no end is set."""
    return {
        "id": key.id,
        "masked": key.masked,
        "since": iso(key.since),
        "until": iso_or_none(key.until),
    }


def read_asked(body: bytes) -> Rotation:
    """What is asked of a new key, an empty body nothing; raises Refused with every fault, and never with a key."""
    doc, faults = read_object(body) if body.strip() else {}, Faults()
    for name in doc:
        if name not in FIELDS:
            faults.add(name, "field.unknown", allowed=", ".join(FIELDS))
    asked = read_rotation(doc, faults)
    faults.raise_if_any()
    return asked
