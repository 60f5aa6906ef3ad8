"""Everything that can be set, read and checked once: flag over environment over file over default."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from dispatchserver.domain.destination import rate_text, read_rate
from dispatchserver.domain.egresspolicy import read_allowed
from dispatchserver.domain.errors import Fault, Invalid, Refused, excerpt
from dispatchserver.domain.trigger import find_zone

PREFIX = "DISPATCH_"
LISTS = ("allowed_hosts", "egress_allow")
FILES = (Path("dispatchserver.toml"), Path("/etc/dispatchserver/dispatchserver.toml"))
SQLITE_URL = "sqlite:///"
Seconds = Annotated[float, Field(ge=0.05, le=86_400)]


def machine_zone() -> str:
    """This machine's zone, by TZ or by where /etc/localtime points; UTC where neither names one."""
    target = os.path.realpath("/etc/localtime").rpartition("zoneinfo/")[2]
    for name in (os.environ.get("TZ", "").removeprefix(":"), target):
        try:
            return find_zone(name).key
        except Invalid:
            continue
    return "UTC"


class Settings(BaseModel):
    """The server's settings; durations are seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(8080, ge=0, le=65_535, description="port to listen on; 0 takes a free one")
    database_url: str = Field("sqlite:///data/dispatch.db", description="sqlite:///PATH")
    timezone: str = Field(
        default_factory=machine_zone,
        description="IANA zone of tasks that name none; this machine's",
    )
    lang: Literal["zh", "en"] = Field("zh", description="language of callers that ask for none")
    auth: Literal["auto", "token", "off"] = Field(
        "auto",
        description="API tokens: auto asks for them unless only this machine can reach the server",
    )
    allowed_hosts: tuple[str, ...] = Field(
        (), description="further names that this server is called by"
    )
    egress: Literal["internal", "public", "allowlist"] = Field(
        "internal",
        description="what callbacks may reach: private and public addresses, public ones, or only egress_allow",
    )
    egress_allow: tuple[str, ...] = Field(
        (),
        description="allowed whatever else is forbidden: 10.1.0.0/16, 10.0.0.7:6379, *.example.com",
    )
    slots: int = Field(2_000, ge=1, le=10_000, description="callbacks in flight at once")
    destination_slots: int = Field(
        64, ge=1, le=10_000, description="callbacks in flight at once to one host and port"
    )
    destination_rate: str | None = Field(
        None,
        description="callbacks to one host and port, such as 100/s, 600/m or 5000/h; none: any",
    )
    dns_timeout: Seconds = Field(5, description="seconds to look up a receiver's name")
    connect_timeout: Seconds = Field(5, description="seconds to connect to a receiver")
    total_timeout: Annotated[float, Field(ge=0.05, le=3_600)] = Field(
        30, description="seconds for one callback from start to end"
    )
    first_byte_timeout: Seconds | None = Field(
        None,
        description="seconds from the connection to the reply's first byte; unset: no such limit",
    )
    report_timeout: Annotated[float, Field(ge=0.05, le=2_592_000)] = Field(
        3_600, description="seconds to wait for an asynchronous report"
    )
    drain_timeout: Annotated[float, Field(ge=0, le=3_600)] = Field(
        25, description="seconds that a stop waits for callbacks in flight"
    )
    repeat_count: Literal["total", "extra"] = Field(
        "total", description="repeatCount of `.do` counts all fires, or those after the first"
    )
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="auto: text on a terminal"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least level to log"
    )

    @field_validator("destination_rate")
    @classmethod
    def _a_rate(cls, text: str | None) -> str | None:
        try:
            return None if text is None else rate_text(read_rate(text))
        except Invalid as invalid:
            raise PydanticCustomError(
                "destination.rate", "no rate", dict(invalid.params)
            ) from invalid

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            find_zone(name)
        except Invalid as invalid:
            raise PydanticCustomError("trigger.zone", "no zone", dict(invalid.params)) from invalid
        return name

    @field_validator("first_byte_timeout")
    @classmethod
    def _within_total(cls, seconds: float | None, info: ValidationInfo) -> float | None:
        total = info.data.get("total_timeout")
        if seconds is not None and total is not None and seconds > total:
            raise PydanticCustomError("task.first_byte", "too long", {"total_s": f"{total:g}"})
        return seconds

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if not url.startswith(SQLITE_URL) or len(url) == len(SQLITE_URL):
            raise PydanticCustomError("settings.database", "no database")
        return url

    @field_validator("egress_allow")
    @classmethod
    def _known_destinations(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        for line in lines:
            try:
                read_allowed(line)
            except Invalid as invalid:
                raise PydanticCustomError("egress.allowed", "no destination", {}) from invalid
        return lines

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return Path(self.database_url.removeprefix(SQLITE_URL))

    @property
    def zone(self) -> ZoneInfo:
        """The default zone."""
        return ZoneInfo(self.timezone)


class Misconfigured(Refused):
    """The settings are refused as a whole; every fault in them is listed."""


def load(
    flags: Mapping[str, object], environ: Mapping[str, str], config: Path | None = None
) -> tuple[Settings, Mapping[str, str]]:
    """The settings, and for each where it came from; raises Misconfigured, naming every key that is wrong."""
    file = config or next((path for path in FILES if path.is_file()), None)
    layers: list[tuple[str, Mapping[str, object]]] = [
        (f"file {file}", _read_file(file) if file else {}),
        ("environment", _read_environment(environ)),
        ("flag", {key: value for key, value in flags.items() if value is not None}),
    ]
    values: dict[str, object] = {}
    sources = dict.fromkeys(Settings.model_fields, "default")
    for source, layer in layers:
        values |= layer
        sources |= dict.fromkeys(layer, source)
    try:
        return Settings.model_validate(values), sources
    except ValidationError as error:
        raise Misconfigured([_fault(problem, sources) for problem in error.errors()]) from error


def _read_file(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Misconfigured(
            [Fault(field=str(path), code="settings.file", params={"why": str(error)})]
        ) from error


def _read_environment(environ: Mapping[str, str]) -> Mapping[str, object]:
    """DISPATCH_* variables; DISPATCH_X_FILE gives X by a file; lists are separated by commas."""
    found: dict[str, object] = {}
    for name, value in environ.items():
        if not name.startswith(PREFIX) or name in OTHERS:
            continue
        key = name.removeprefix(PREFIX).lower()
        text = _read_secret(name, value) if key.endswith("_file") else value
        key = key.removesuffix("_file")
        found[key] = _split(text) if key in LISTS else text
    return found


def _read_secret(name: str, path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise Misconfigured(
            [Fault(field=name, code="settings.file", params={"why": str(error)})]
        ) from error


OTHERS = frozenset({"DISPATCH_URL", "DISPATCH_TOKEN", "DISPATCH_CONFIG"})
"""Variables of the command line's client side; not settings of the server."""


def _split(value: str) -> Sequence[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _fault(problem: Any, sources: Mapping[str, str]) -> Fault:
    key = str(problem["loc"][0])
    name = f"{key} ({sources.get(key, 'default')})"
    if problem["type"] == "extra_forbidden":
        hint = get_close_matches(key, Settings.model_fields, n=1) or ["config show"]
        return Fault(field=name, code="settings.unknown", params={"hint": hint[0]})
    code, params = _reason(problem["type"], problem["msg"], problem.get("ctx", {}))
    return Fault(field=name, code=code, params=params, sent=excerpt(problem["input"]))


def _reason(
    kind: str, words: str, context: Mapping[str, object]
) -> tuple[str, Mapping[str, object]]:
    """Message key and parameters for what pydantic found; its own English words where we have none."""
    if "." in kind:  # our own message key, from one of the validators above
        return kind, context
    if kind == "literal_error":
        words = str(context["expected"]).replace("'", "").replace(" or ", ", ")
        return "field.choice", {"allowed": words}
    if kind in BOUNDS:
        (limit,) = context.values()
        return BOUNDS[kind], {"limit": limit}
    return NOT_A.get(kind, "settings.value"), {"why": words}


BOUNDS = {"greater_than_equal": "settings.least", "less_than_equal": "settings.most"}
NOT_A = {
    "int_parsing": "field.integer",
    "int_from_float": "field.integer",
    "float_parsing": "settings.number",
    "finite_number": "settings.number",
    "string_type": "field.text",
    "tuple_type": "settings.list",
}


def from_environment(flags: Mapping[str, object]) -> tuple[Settings, Mapping[str, str]]:
    """The settings of this process."""
    config = os.environ.get("DISPATCH_CONFIG")
    return load(flags, os.environ, Path(config) if config else None)
