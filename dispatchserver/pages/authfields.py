"""How a callback authenticates, and its fixed headers, in the task form: filled in, read back, told in words. Pure."""

from collections.abc import Sequence

from dispatchserver.documents.authorization import auth_like
from dispatchserver.domain.authorization import (
    Auth,
    BasicAuth,
    Header,
    HeaderAuth,
    check_header_name,
    check_headers,
    check_together,
    check_user,
)
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.secrets import check_secret_name
from dispatchserver.pages.formreader import FormReader
from dispatchserver.pages.words import Viewer, visible

NONE = "none"


def auth_fields(recall: HttpRecall) -> dict[str, str]:
    """The fields that would make this authentication and these headers again."""
    fields = {"headers": "\n".join(f"{name}: {value}" for name, value in recall.headers)}
    auth = recall.auth
    if auth is None:
        return fields | {"auth": NONE}
    fields |= {"auth": auth.kind, "auth_secret": auth.secret}
    if isinstance(auth, BasicAuth):
        fields["auth_user"] = auth.user
    if isinstance(auth, HeaderAuth):
        fields["auth_header"] = auth.name
    return fields


def read_sending(form: FormReader, urls: Sequence[str]) -> tuple[Auth | None, tuple[Header, ...]]:
    """The authentication that the form says (None: none), and the headers."""
    auth, headers = _read_auth(form), form.take("headers", _read_headers, ())
    try:
        check_together(urls, auth, headers)
    except Invalid as invalid:
        # without an address there is a fault already, and nothing is known of its scheme
        if invalid.code != "sending.https":
            form.refuse("headers", invalid)
        elif all(urls):
            form.refuse("auth", invalid)
    return auth, headers


def _read_auth(form: FormReader) -> Auth | None:
    kind = form.word("auth")
    if kind == NONE:
        return None
    user = form.need("auth_user", check_user) if kind == BasicAuth.kind else ""
    name = form.need("auth_header", check_header_name) if kind == HeaderAuth.kind else ""
    secret = form.need("auth_secret", check_secret_name)
    if secret is None or user is None or name is None:
        return None
    return auth_like(kind, secret, user=user, name=name)


def _read_headers(text: str) -> tuple[Header, ...]:
    """A header a line; raises Invalid with the number of the line that is none."""
    headers = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            headers.append(_read_line(line, number))
    return check_headers(headers)


def _read_line(line: str, number: int) -> Header:
    name, colon, value = line.partition(":")
    if not colon:
        raise Invalid("form.headers.line", line_number=number)
    return name.strip(), value.strip()


def auth_words(auth: Auth, viewer: Viewer) -> str:
    """How a callback authenticates, with what is not secret of it."""
    way = viewer.say(f"form.auth.{auth.kind}")
    match auth:
        case BasicAuth(user=user):
            return viewer.say("page.auth", way=way, detail=visible(user))
        case HeaderAuth(name=name):
            return viewer.say("page.auth", way=way, detail=name)
        case _:
            return way
