"""What all commands share: the terminal's language, and how an error is told."""

import os

import click

from dispatchserver.domain.condition import BackupExists
from dispatchserver.domain.errors import (
    DispatchError,
    Refused,
    StoreCorrupt,
    StoreDegraded,
    StoreFailed,
    StoreInUse,
    StoreUnavailable,
)
from dispatchserver.domain.starting import Misconfigured, UnsafeBind
from dispatchserver.messages import LANGUAGES, say_error

EXIT_CORRUPT = 74
EXIT_CODES: dict[type[DispatchError], int] = {
    Refused: 65,
    StoreUnavailable: 70,
    StoreDegraded: 70,
    StoreFailed: 70,
    StoreCorrupt: EXIT_CORRUPT,
    BackupExists: 73,
    StoreInUse: 73,
    UnsafeBind: 78,
    Misconfigured: 78,
}
LOCALE_VARIABLES = ("DISPATCH_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


def terminal_language() -> str:
    """The language of the person at the terminal, by DISPATCH_LANG or the locale; English where none is said."""
    locale = next((value for name in LOCALE_VARIABLES if (value := os.environ.get(name))), "")
    return locale[:2] if locale[:2] in LANGUAGES else "en"


def fail(error: DispatchError) -> int:
    """Says what is wrong on standard error; returns the exit code that goes with it."""
    click.echo(say_error(terminal_language(), error), err=True)
    return EXIT_CODES.get(type(error), 1)
