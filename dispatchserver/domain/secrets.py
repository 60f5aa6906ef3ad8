"""Secrets by name: what callbacks authenticate with. A value comes in, is sent to receivers, and is told to nobody. Pure."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from dispatchserver.domain.authorization import Header
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fire import Outcome
from dispatchserver.domain.jsontext import check_text
from dispatchserver.domain.task import DEFAULT_NAMESPACE

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
NAME_LIMIT = 64
VALUE_LIMIT = 16 * 1024
VEIL = "•••"
# Shorter ones stand in many a text that has nothing to do with them, and are no secrets worth the name.
VEILED_FROM = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretKey:
    """What a secret is known by; unique."""

    namespace: str = DEFAULT_NAMESPACE
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretStatus:
    """A secret as it may be shown: by whom it was set last, when, and by how many tasks it is used."""

    key: SecretKey
    version: int
    updated_at: datetime
    updated_by: str
    tasks: int


def check_secret_name(name: str) -> str:
    """The name when a secret can have it; raises Invalid."""
    if not NAME.fullmatch(name):
        raise Invalid("secret.name", limit=NAME_LIMIT)
    return name


def check_secret_value(value: str) -> str:
    """The value less the line ends behind it, which files have and secrets have not; raises Invalid."""
    kept = value.rstrip("\r\n")
    if not 1 <= len(kept.encode("utf-8", "replace")) <= VALUE_LIMIT:
        raise Invalid("secret.value", limit=VALUE_LIMIT)
    check_text(kept)
    return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What one attempt authenticates with: headers, or a certificate and its key as PEM; all of it secret."""

    headers: tuple[Header, ...] = field(default=(), repr=False)
    client_pem: str | None = field(default=None, repr=False)
    words: tuple[str, ...] = field(default=(), repr=False)

    def veiled(self, outcome: Outcome) -> Outcome:
        """The outcome as it may be kept: a receiver that repeats what it was sent tells nothing of the secret."""
        if not self.words:
            return outcome
        body = outcome.body
        for word in self._spelled():
            body = body.replace(word.encode(), VEIL.encode())
        return replace(outcome, body=body, detail=self.veiled_text(outcome.detail))

    def veiled_text(self, text: str) -> str:
        """The text without the secret, nor its beginning at the very end, where the text may have been cut."""
        spelled = self._spelled()
        for word in spelled:
            text = text.replace(word, VEIL)
        left = max((_beginning_at_end(text, word) for word in spelled), default=0)
        return text[:-left] + VEIL if left else text

    def _spelled(self) -> Sequence[str]:
        """The secret in every spelling, the longest first."""
        spelled = {form for word in self.words for form in (word, *_escaped(word))}
        return sorted(spelled, key=len, reverse=True)


def _beginning_at_end(text: str, word: str) -> int:
    """How long the beginning of the word is with which the text ends; one too short to be a secret is none."""
    sizes = range(min(len(word) - 1, len(text)), VEILED_FROM - 1, -1)
    return next((size for size in sizes if text.endswith(word[:size])), 0)


def _escaped(word: str) -> tuple[str, str]:
    """The word as it stands inside of JSON."""
    return json.dumps(word)[1:-1], json.dumps(word, ensure_ascii=False)[1:-1]


def proof_of(headers: Sequence[Header], value: str) -> Proof:
    """The proof that lies in headers; their last words are as secret as the value that they carry."""
    words = {value, *(text.rpartition(" ")[2] for _, text in headers)}
    return Proof(
        headers=tuple(headers),
        words=tuple(word for word in words if len(word) >= VEILED_FROM),
    )
