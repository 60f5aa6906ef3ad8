"""Words for people: message keys into Chinese or English, from the catalogs in `locales/<language>/`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from dispatchserver.domain.errors import DispatchError, Fault, Refused

LANGUAGES = ("zh", "en")


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


def say(lang: str, key: str, **params: object) -> str:
    """The message of this key in this language, its placeholders filled; an unknown key is shown as it is."""
    template = catalog(lang).get(key)
    return key if template is None else template.format_map(params)


def say_fault(lang: str, fault: Fault) -> str:
    """One fault as a sentence: the field, what is wrong and allowed, what was sent."""
    text = say(lang, "fault.line", field=fault.field, problem=say(lang, fault.code, **fault.params))
    return text if fault.sent is None else text + say(lang, "fault.sent", sent=fault.sent)


def say_error(lang: str, error: DispatchError) -> str:
    """A refusal in words: every fault of a refused request, or the one message of any other error."""
    if isinstance(error, Refused):
        return say(lang, "fault.join").join(say_fault(lang, fault) for fault in error.faults)
    return say(lang, error.code, **error.params)


def negotiate(accept_language: str | None, default: str) -> str:
    """The first of our languages that the header prefers (q-values honoured), else the default."""
    ranked: list[tuple[float, int, str]] = []
    for position, part in enumerate((accept_language or "").split(",")[:20]):
        tag, _, quality = part.strip().partition(";q=")
        lang = tag.strip().lower().split("-")[0]
        if lang in LANGUAGES and (weight := _quality(quality)) > 0:
            ranked.append((-weight, position, lang))
    return min(ranked)[2] if ranked else default


def _quality(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
