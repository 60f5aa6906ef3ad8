"""Everything that can be set, read and checked once: flag over environment over file over default."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from dispatchserver.documents.policies import policy_defaults_doc, read_policy_defaults
from dispatchserver.domain.callbackproxy import read_proxy
from dispatchserver.domain.defaults import PolicyDefaults
from dispatchserver.domain.egresspolicy import read_allowed
from dispatchserver.domain.errors import Invalid, Refused
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.rate import rate_text, read_rate
from dispatchserver.domain.retention import Keep, read_keep
from dispatchserver.domain.trigger import find_zone

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
    ballast: int = Field(
        8,
        ge=0,
        le=1_024,
        description="MiB kept beside the database and given up on a full disk, at most a tenth of what is free; 0: none",
    )
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
    trusted_proxies: tuple[IPvAnyNetwork, ...] = Field(
        (),
        description="proxies in front of this server, whose X-Forwarded-For and -Proto are believed: 10.0.0.5, 10.1.0.0/16",
    )
    connections: int = Field(
        1_000, ge=1, le=100_000, description="connections that come in at once"
    )
    connections_per_address: int = Field(
        100, ge=1, le=100_000, description="of them from one address other than this machine's"
    )
    rate_limit: int = Field(
        200, ge=0, le=1_000_000, description="changes a second that one token may ask for; 0: any"
    )
    rate_burst: int = Field(
        400, ge=1, le=1_000_000, description="changes that one token may ask for in one go"
    )
    egress: Literal["internal", "public", "allowlist"] = Field(
        "internal",
        description="what callbacks may reach: private and public addresses, public ones, or only egress_allow",
    )
    egress_allow: tuple[str, ...] = Field(
        (),
        description="allowed whatever else is forbidden: 10.1.0.0/16, 10.0.0.7:6379, *.example.com",
    )
    callback_proxy: str | None = Field(
        None, description="HTTP proxy that HTTP callbacks go through: http://proxy.example.com:3128"
    )
    callback_proxy_auth: SecretStr | None = Field(
        None,
        description="name:password that it wants; better by the environment or a file than by a flag",
    )
    callback_proxy_except: tuple[str, ...] = Field(
        (), description="called without it: 10.0.0.0/8, 127.0.0.1:8080, *.inner.example"
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
    policies: Mapping[str, Any] = Field(
        {}, description="policies of tasks that say none, and whose group says none: a JSON object"
    )
    drain_timeout: Annotated[float, Field(ge=0, le=3_600)] = Field(
        25, description="seconds that a stop waits for callbacks in flight"
    )
    repeat_count: Literal["total", "extra"] = Field(
        "total", description="repeatCount of `.do` counts all fires, or those after the first"
    )
    keep_fires: str = Field(
        "7d", description="how long ended fires are kept: 7d, 36h, 90m; 0: for ever"
    )
    keep_failed: str = Field("30d", description="the same for failed ones, the dead letters")
    keep_per_task: int = Field(
        10_000,
        ge=0,
        le=1_000_000_000,
        description="fires kept of each task, the newest, and as many older failed ones; 0: any",
    )
    keep_audit: str = Field("180d", description="how long the audit is kept; 0: for ever")
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

    @field_validator("keep_fires", "keep_failed", "keep_audit")
    @classmethod
    def _a_span(cls, text: str) -> str:
        try:
            read_keep(text)
        except Invalid as invalid:
            raise PydanticCustomError("retention.span", "no length of time", {}) from invalid
        return text

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

    @field_validator("callback_proxy")
    @classmethod
    def _a_proxy(cls, url: str | None) -> str | None:
        try:
            if url is not None:
                read_proxy(url)
        except Invalid as invalid:
            raise PydanticCustomError("callback_proxy.url", "no proxy", {}) from invalid
        return url

    @field_validator("egress_allow", "callback_proxy_except")
    @classmethod
    def _known_destinations(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        for line in lines:
            try:
                read_allowed(line)
            except Invalid as invalid:
                raise PydanticCustomError("egress.allowed", "no destination", {}) from invalid
        return lines

    @field_validator("callback_proxy_auth", "callback_proxy_except")
    @classmethod
    def _with_a_proxy(cls, said: Any, info: ValidationInfo) -> Any:
        if said and info.data.get("callback_proxy", "") is None:
            raise PydanticCustomError("callback_proxy.alone", "no proxy", {})
        return said

    @field_validator("policies", mode="before")
    @classmethod
    def _known_policies(cls, said: Any) -> Mapping[str, JsonValue]:
        """As they are read, written out in full; every fault at once."""
        faults = Faults()
        defaults = read_policy_defaults(FieldReader({"policies": said}, faults))
        try:
            faults.raise_if_any()
        except Refused as refused:
            told = {"faults": refused.faults}
            raise PydanticCustomError("settings.policies", "no policies", told) from refused
        return policy_defaults_doc(defaults)

    @property
    def policy_defaults(self) -> PolicyDefaults:
        """The policies of tasks that say none, and whose group says none."""
        return read_policy_defaults(FieldReader({"policies": self.policies}, Faults()))

    @property
    def keep(self) -> Keep:
        """How long records are kept, and how many."""
        return Keep(
            fires=read_keep(self.keep_fires),
            failed=read_keep(self.keep_failed),
            per_task=self.keep_per_task or None,
            audit=read_keep(self.keep_audit),
        )

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return Path(self.database_url.removeprefix(SQLITE_URL))

    @property
    def zone(self) -> ZoneInfo:
        """The default zone."""
        return ZoneInfo(self.timezone)
