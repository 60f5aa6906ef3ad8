"""The pages of groups: which there are, and what each says for its tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.doors import Access, Route
from dispatchserver.auth.people import read_form
from dispatchserver.documents.groups import read_group_settings
from dispatchserver.documents.policies import policy_defaults_doc
from dispatchserver.domain.defaults import PolicyDefaults
from dispatchserver.domain.errors import (
    Fault,
    Refused,
    SigningKeyNotFound,
    SigningKeysChanged,
    SigningKeysFull,
)
from dispatchserver.domain.faults import Faults, naming
from dispatchserver.domain.group import NOTHING_SAID, DecideGroup, GroupKey, GroupSpec, StoredGroup
from dispatchserver.domain.jsontext import JsonValue, dumps
from dispatchserver.domain.task import DEFAULT_NAMESPACE, check_name
from dispatchserver.engine.groups import GroupCases, GroupStatus
from dispatchserver.engine.signing import KeyStatus, SigningCases
from dispatchserver.messages import say_error
from dispatchserver.pages.facts import policy_facts
from dispatchserver.pages.formviews import zones_to_choose
from dispatchserver.pages.frame import Frame, actor
from dispatchserver.pages.keyviews import (
    KEEPS,
    KeyRow,
    KeySection,
    key_rows,
    read_rotation_form,
)
from dispatchserver.pages.queries import link
from dispatchserver.pages.words import Viewer, visible

FIELDS = ("group", "zone", "note", "policies")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """One group in the list; `zone` and `policies`, the keys it says, are empty where they are the server's."""

    name: str
    tasks: int
    zone: str
    note: str
    policies: str
    tasks_url: str
    edit_url: str


def group_row(group: GroupStatus) -> GroupRow:
    """One line of the list."""
    name, zone = group.key.name, group.spec.zone
    return GroupRow(
        name=name,
        tasks=group.tasks,
        zone="" if zone is None else zone.key,
        note=visible(group.spec.note),
        policies=", ".join(policy_defaults_doc(group.spec.policies)),
        tasks_url=link("/tasks", group=name),
        edit_url=link("/group/edit", group=name),
    )


class GroupPages:
    """Shows every fault of the form at its field, with all that was typed still there."""

    def __init__(
        self, frame: Frame, groups: GroupCases, signing: SigningCases, zone: ZoneInfo
    ) -> None:
        self._frame = frame
        self._groups = groups
        self._signing = signing
        self._zone = zone

    def routes(self) -> list[Route]:
        """All behind a session."""
        person, route = Access.PERSON, self._frame.route
        return [
            route("GET", "/groups", self.list, person),
            route("GET", "/groups/new", self.new, person),
            route("POST", "/groups/new", self.create, person),
            route("GET", "/group/edit", self.edit, person),
            route("POST", "/group/edit", self.save, person),
            route("POST", "/group/rotate-key", self.rotate_key, person),
            route("GET", "/group/retire-key", self.ask_retire_key, person),
            route("POST", "/group/retire-key", self.retire_key, person),
        ]

    async def list(self, request: web.Request) -> web.Response:
        found = await self._groups.list(DEFAULT_NAMESPACE)
        rows = [group_row(group) for group in found]
        return self._frame.page(request, "groups.html", rows=rows, server_zone=self._zone.key)

    async def new(self, request: web.Request) -> web.Response:
        return await self._form(request, {}, None)

    async def edit(self, request: web.Request) -> web.Response:
        key = _key(request.query)
        return await self._shown(request, key, KeySection(rows=await self._keys(request, key)))

    async def create(self, request: web.Request) -> web.Response:
        return await self._put(request, known=False)

    async def save(self, request: web.Request) -> web.Response:
        return await self._put(request, known=True)

    async def rotate_key(self, request: web.Request) -> web.Response:
        """Answers with the new key on the page itself: it is kept nowhere that a second page could read it from."""
        form = await read_form(request)
        key = _key(form)
        try:
            with naming("key"):
                made = await self._signing.rotate(key, read_rotation_form(form), actor(request))
        except (Refused, SigningKeysFull, SigningKeysChanged) as error:
            told = say_error(self._frame.viewer(request).lang, error)
            section = KeySection(rows=await self._keys(request, key), trouble=told)
            return await self._shown(request, key, section)
        rows = self._key_rows(request, key, made.keys)
        return await self._shown(request, key, KeySection(rows=rows, new=made.key))

    async def ask_retire_key(self, request: web.Request) -> web.Response:
        key, key_id = _key(request.query), request.query.get("id", "")
        rows = await self._keys(request, key)
        asked = next((row for row in rows if row.id == key_id), None)
        if asked is None:
            raise SigningKeyNotFound(key.name, key_id, [row.id for row in rows])
        return self._frame.page(
            request, "key_retire.html", group=key.name, row=asked, last=len(rows) == 1
        )

    async def retire_key(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        key = _key(form)
        await self._signing.retire(key, form.get("id", ""), actor(request))
        return self._frame.see(link("/groups", done="key_retired"))

    async def _keys(self, request: web.Request, key: GroupKey) -> Sequence[KeyRow]:
        return self._key_rows(request, key, await self._signing.list(key))

    def _key_rows(
        self, request: web.Request, key: GroupKey, keys: Sequence[KeyStatus]
    ) -> Sequence[KeyRow]:
        return key_rows(key.name, keys, self._zone, self._frame.viewer(request))

    async def _shown(
        self, request: web.Request, key: GroupKey, section: KeySection
    ) -> web.Response:
        """The group as it stands."""
        group = await self._groups.find(key)
        row = group_row(group)
        said = policy_defaults_doc(group.spec.policies)
        fields = {"group": row.name, "zone": row.zone, "note": group.spec.note}
        fields["policies"] = listed(said)
        return await self._form(request, fields, section)

    async def _put(self, request: web.Request, *, known: bool) -> web.Response:
        form = await read_form(request)
        try:
            key, spec = read_group(form)
            await self._groups.put(key, _replacing(spec) if known else _first(spec), actor(request))
        except Refused as refused:
            section = KeySection(rows=await self._keys(request, _key(form))) if known else None
            return await self._form(request, form, section, refused)
        return self._frame.see(link("/groups", done="group_saved"))

    async def _form(
        self,
        request: web.Request,
        values: Mapping[str, str],
        keys: KeySection | None,
        refused: Refused | None = None,
    ) -> web.Response:
        viewer = self._frame.viewer(request)
        usual = await self._groups.usual(DEFAULT_NAMESPACE, values.get("group", ""))
        return self._frame.page(
            request,
            "group.html",
            status=422 if refused or (keys and keys.trouble) else 200,
            values={name: values.get(name, "") for name in FIELDS},
            faults=say_faults(refused, viewer),
            servers=defaults_words(self._groups.policies, viewer),
            given=policy_facts(usual.policies.policies, viewer),
            keys=keys,
            keeps=KEEPS,
            zones=zones_to_choose(),
            server_zone=self._zone.key,
        )


def _key(fields: Mapping[str, str]) -> GroupKey:
    return GroupKey(namespace=DEFAULT_NAMESPACE, name=fields.get("group", ""))


def read_group(form: Mapping[str, str]) -> tuple[GroupKey, GroupSpec]:
    """The group that the form names and what it is to say; raises Refused with every fault."""
    faults, key = Faults(), _key(form)
    with faults.at("group", key.name):
        check_name(key.name)
    note = form.get("note", "").replace("\r\n", "\n")
    said = {"zone": form.get("zone", "").strip(), "note": note}
    spec = read_group_settings(said | {"policies": form.get("policies", "").strip()}, faults)
    faults.raise_if_any()
    return key, spec


def listed(said: Mapping[str, JsonValue]) -> str:
    """An object as JSON with a line for each of its keys; empty for nothing."""
    lines = (f"  {dumps(key)}: {dumps(value)}" for key, value in said.items())
    return "{\n" + ",\n".join(lines) + "\n}" if said else ""


def say_faults(refused: Refused | None, viewer: Viewer) -> Mapping[str, Sequence[str]]:
    """What is wrong with each field; of the policies, each fault with its own key before it."""
    found: dict[str, list[str]] = {}
    for fault in refused.faults if refused else ():
        problem = viewer.say(fault.code, **fault.params)
        field, _, key = fault.field.partition(".")
        text = viewer.say("fault.line", field=key, problem=problem) if key else problem
        found.setdefault(field, []).append(text)
    return found


def defaults_words(defaults: PolicyDefaults, viewer: Viewer) -> str:
    """What the server says, as its settings show it; empty for nothing."""
    said = policy_defaults_doc(defaults)
    return viewer.say("page.groups.servers", policies=dumps(said)) if said else ""


def _replacing(spec: GroupSpec) -> DecideGroup:
    return lambda standing: spec


def _first(spec: GroupSpec) -> DecideGroup:
    """For a group that seems new: what somebody else has said of it meanwhile is not lost by it."""

    def decide(standing: StoredGroup | None) -> GroupSpec:
        if standing is not None and standing.spec != NOTHING_SAID:
            raise Refused([Fault(field="group", code="group.exists")])
        return spec

    return decide
