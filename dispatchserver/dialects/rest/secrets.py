"""The addresses of `/api/v1/secrets`, and their documents. A value goes in, and no answer tells it."""

from collections.abc import Sequence

from aiohttp import web

from dispatchserver.auth.doors import ACTOR, ErrorPage, Handler, Route
from dispatchserver.auth.intake import read_body
from dispatchserver.dialects.rest.bodies import read_object
from dispatchserver.dialects.rest.routes import answer, rest_routes
from dispatchserver.documents.authorization import read_value
from dispatchserver.documents.triggers import Doc
from dispatchserver.domain.faults import naming
from dispatchserver.domain.moments import iso
from dispatchserver.domain.secrets import SecretKey, SecretStatus, check_secret_name
from dispatchserver.domain.task import DEFAULT_NAMESPACE
from dispatchserver.engine.secrets import SecretCases


class SecretRoutes:
    """Sets, lists and deletes secrets; every fault is answered as REST answers it."""

    def __init__(self, secrets: SecretCases, refuse: ErrorPage) -> None:
        self._secrets = secrets
        self._refuse = refuse

    def routes(self) -> Sequence[Route]:
        """Every address under /api/v1/secrets."""
        one = "/secrets/{name}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/secrets", self._list),
            ("GET", one, self._show),
            ("PUT", one, self._put),
            ("DELETE", one, self._delete),
        ]
        return rest_routes(table, self._refuse)

    async def _list(self, request: web.Request) -> web.Response:
        found = await self._secrets.list(DEFAULT_NAMESPACE)
        return answer({"items": [secret_doc(secret) for secret in found]})

    async def _show(self, request: web.Request) -> web.Response:
        return answer(secret_doc(await self._secrets.find(_key(request))))

    async def _put(self, request: web.Request) -> web.Response:
        key = _key(request)
        with naming("name", key.name):
            check_secret_name(key.name)
        value = read_value(read_object(await read_body(request)))
        with naming("value"):
            new = await self._secrets.put(key, value, request[ACTOR])
        return answer(secret_doc(await self._secrets.find(key)), 201 if new else 200)

    async def _delete(self, request: web.Request) -> web.Response:
        await self._secrets.delete(_key(request), request[ACTOR])
        return web.Response(status=204)


def _key(request: web.Request) -> SecretKey:
    return SecretKey(name=request.match_info["name"])


def secret_doc(secret: SecretStatus) -> Doc:
    """A secret as it may be shown."""
    return {
        "name": secret.key.name,
        "version": secret.version,
        "updated_at": iso(secret.updated_at),
        "updated_by": secret.updated_by,
        "tasks": secret.tasks,
    }
