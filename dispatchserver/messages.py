"""Words for people: message keys into Chinese or English, from the catalogs in `locales/<language>/`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from dispatchserver.domain.errors import DispatchError, Fault, FireEnded, FireOpen, Refused

LANGUAGES = ("zh", "en")
PARAM_LIMIT = 1000


@cache
def catalog(lang: str) -> Mapping[str, str]:
    """All messages of one language, flat: {"task.not_found": "…"}."""
    folder = resources.files("dispatchserver").joinpath("locales", lang)
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    texts = [file.read_text("utf-8") for file in files if file.name.endswith(".toml")]
    return {key: text for table in texts for key, text in _flatten(tomllib.loads(table))}


def _flatten(table: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in table.items():
        if isinstance(value, Mapping):
            pairs += _flatten(value, f"{prefix}{key}.")
        else:
            pairs.append((prefix + key, str(value)))
    return pairs


def say(lang: str, key: str, /, **params: object) -> str:
    """The message of this key in this language, its placeholders filled; an unknown key is shown as it is."""
    template = catalog(lang).get(key)
    return key if template is None else template.format_map(params)


def say_fault(lang: str, fault: Fault) -> str:
    """One fault as a sentence: the field, what is wrong and allowed, what was sent."""
    text = say(
        lang, "fault.line", field=fault.field, problem=_say_safely(lang, fault.code, fault.params)
    )
    return text if fault.sent is None else text + say(lang, "fault.sent", sent=fault.sent)


def say_error(lang: str, error: DispatchError) -> str:
    """A refusal in words: every fault of a refused request, or the one message of any other error."""
    if isinstance(error, Refused):
        return say(lang, "fault.join").join(say_fault(lang, fault) for fault in error.faults)
    params = dict(error.params)
    if isinstance(error, FireEnded | FireOpen):
        params["state"] = say(lang, f"state.{params['state']}")
    return _say_safely(lang, error.code, params)


def _say_safely(lang: str, key: str, params: Mapping[str, object]) -> str:
    """The message, with what callers sent in it cut to a paragraph and to what can be printed."""
    return say(lang, key, **{name: _shown(value) for name, value in params.items()})


def _shown(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in value[:PARAM_LIMIT])
    return text if len(value) <= PARAM_LIMIT else text + "…"


def negotiate(accept_language: str | None, default: str) -> str:
    """The first of our languages that the header prefers (q-values honoured), else the default."""
    ranked: list[tuple[float, int, str]] = []
    for position, part in enumerate((accept_language or "").split(",")[:20]):
        tag, _, quality = part.partition(";")
        lang = tag.strip().lower().split("-")[0]
        if lang in LANGUAGES and (weight := _quality(quality)) > 0:
            ranked.append((-weight, position, lang))
    return min(ranked)[2] if ranked else default


def _quality(text: str) -> float:
    number = text.strip().removeprefix("q=")
    try:
        return float(number) if number else 1.0
    except ValueError:
        return 0.0
