"""Where settings come from: flag over environment over file over default, with every fault named by its source."""

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dispatchserver.domain.errors import Fault
from dispatchserver.domain.excerpts import excerpt
from dispatchserver.domain.starting import Misconfigured
from dispatchserver.settings import Settings

PREFIX = "DISPATCH_"
LISTS = ("allowed_hosts", "callback_proxy_except", "egress_allow", "trusted_proxies")
UNTOLD = ("callback_proxy", "callback_proxy_auth")
"""What may hold a password is not repeated where it is refused."""
FILES = (Path("dispatchserver.toml"), Path("/etc/dispatchserver/dispatchserver.toml"))


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
        faults = [fault for problem in error.errors() for fault in _faults(problem, sources)]
        raise Misconfigured(faults) from error


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


def _faults(problem: Any, sources: Mapping[str, str]) -> Iterator[Fault]:
    """What pydantic found, under the key's name and its source; of the policies, each of their faults."""
    key = str(problem["loc"][0])
    source = sources.get(key, "default")
    if problem["type"] == "settings.policies":
        for fault in problem["ctx"]["faults"]:
            yield replace(fault, field=f"{fault.field} ({source})")
    else:
        yield _fault(problem, key, f"{key} ({source})")


def _fault(problem: Any, key: str, name: str) -> Fault:
    if problem["type"] == "extra_forbidden":
        hint = get_close_matches(key, Settings.model_fields, n=1) or ["config show"]
        return Fault(field=name, code="settings.unknown", params={"hint": hint[0]})
    code, params = _reason(problem["type"], problem["msg"], problem.get("ctx", {}))
    sent = None if key in UNTOLD else excerpt(problem["input"])
    return Fault(field=name, code=code, params=params, sent=sent)


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
    "ip_any_network": "settings.network",
}


def from_environment(flags: Mapping[str, object]) -> tuple[Settings, Mapping[str, str]]:
    """The settings of this process."""
    config = os.environ.get("DISPATCH_CONFIG")
    return load(flags, os.environ, Path(config) if config else None)
