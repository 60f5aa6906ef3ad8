"""What the page on signing says, in both languages, is what the server does and what its snippets accept."""

import base64
import json
import re
import shlex
import shutil
import subprocess
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from aiohttp.test_utils import TestClient, TestServer

from dispatchserver.cli.main import cli
from dispatchserver.domain.signing import key_text, signature

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {"en": "signing.md", "zh": "signing.zh.md"}
KEY, FORMER, STRANGE = (key_text(letter * 32) for letter in (b"k", b"f", b"s"))
FIRE = "f" * 32
BODY = '{"data":{"城市":"北京"},"tasklogid":"1"}'.encode()
HEADERS = {"webhook-id", "webhook-timestamp", "webhook-signature"}


def blocks(kind: str, lang: str = "en") -> list[str]:
    text = (DOCS / PAGES[lang]).read_text("utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.M | re.S)


def signed(*keys: str, late: int = 0, body: bytes = BODY) -> dict[str, str]:
    at = int(time.time()) - late
    signatures = signature(keys or (FORMER, KEY), FIRE, at, body)
    return dict(zip(sorted(HEADERS), (FIRE, signatures, str(at)), strict=True))


# Made when a test begins: signatures grow old.
CASES = {
    "signed": (signed, BODY, True),
    "by the one key": (lambda: signed(KEY), BODY, True),
    "by another's key": (lambda: signed(STRANGE), BODY, False),
    "another body": (signed, BODY + b" ", False),
    "another id": (lambda: signed() | {"webhook-id": "e" * 32}, BODY, False),
    "too old": (lambda: signed(late=400), BODY, False),
    "from the future": (lambda: signed(late=-400), BODY, False),
    "not signed": (lambda: {"webhook-id": FIRE}, BODY, False),
    "no signature": (lambda: signed() | {"webhook-signature": "v1, v2,x nothing"}, BODY, False),
}
EACH_CASE = pytest.mark.parametrize(("made", "body", "good"), CASES.values(), ids=CASES)


@pytest.fixture
def headers(made: Callable[[], dict[str, str]]) -> dict[str, str]:
    return made()


def test_both_languages_show_the_same_snippets() -> None:
    for kind in ("sh", "json", "python", "js", "java"):
        assert blocks(kind, "zh") == blocks(kind) != []


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Runs the snippet that imports this framework, and answers what it defines."""
    monkeypatch.setenv("WEBHOOK_SECRET", KEY)

    def run(framework: str) -> dict[str, Any]:
        (code,) = (block for block in blocks("python") if re.search(rf"\b{framework}\b", block))
        defined: dict[str, Any] = {}
        exec(compile(code, framework, "exec"), defined)
        return defined

    return run


@EACH_CASE
async def test_the_aiohttp_snippet_takes_what_is_ours_and_nothing_else(
    program: Callable[[str], dict[str, Any]], headers: dict[str, str], body: bytes, good: bool
) -> None:
    async with TestClient(TestServer(program("aiohttp")["app"])) as client:
        reply = await client.post("/callback", data=body, headers=headers)
        assert reply.status == (200 if good else 401)
        if good:
            assert (await reply.json())["success"] == "true"


class Refused(Exception):
    """A framework's way to end a request."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status


def abort(status: int, text: str) -> None:
    raise Refused(status, text)


class App:
    """Takes a handler as Flask and FastAPI do."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def post(self, path: str) -> Callable[[Any], Any]:
        assert path == "/callback"
        return lambda handler: handler


def stands_for(monkeypatch: pytest.MonkeyPatch, **modules: dict[str, Any]) -> None:
    """Puts modules in the place of a framework, which has to be learnt from its manual here."""
    for name, members in modules.items():
        module = types.ModuleType(name.replace("__", "."))
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, module.__name__, module)


@EACH_CASE
def test_the_flask_snippet_takes_what_is_ours_and_nothing_else(
    program: Callable[[str], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
    body: bytes,
    good: bool,
) -> None:
    request = types.SimpleNamespace(headers=headers, get_data=lambda: body)
    stands_for(monkeypatch, flask={"Flask": App, "abort": abort, "request": request})
    callback = program("flask")["callback"]
    if good:
        assert callback() == {"success": "true", "resultValue": FIRE}
    else:
        with pytest.raises(Refused) as refused:
            callback()
        assert refused.value.status == 401


@EACH_CASE
def test_the_django_snippet_takes_what_is_ours_and_nothing_else(
    program: Callable[[str], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
    body: bytes,
    good: bool,
) -> None:
    answers = {
        "HttpResponse": lambda text, status: {"status": status},
        "JsonResponse": lambda doc: doc,
    }
    exempt = {"csrf_exempt": lambda view: view}
    stands_for(monkeypatch, django__http=answers, django__views__decorators__csrf=exempt)
    answer = program("django")["callback"](types.SimpleNamespace(headers=headers, body=body))
    assert answer == ({"success": "true", "resultValue": FIRE} if good else {"status": 401})


@EACH_CASE
async def test_the_fastapi_snippet_takes_what_is_ours_and_nothing_else(
    program: Callable[[str], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
    body: bytes,
    good: bool,
) -> None:
    class Request:
        def __init__(self) -> None:
            self.headers = headers

        async def body(self) -> bytes:
            return body

    members = {"FastAPI": App, "HTTPException": Refused, "Request": Request}
    stands_for(monkeypatch, fastapi=members)
    callback = program("fastapi")["callback"]
    if good:
        assert await callback(Request()) == {"success": "true", "resultValue": FIRE}
    else:
        with pytest.raises(Refused) as refused:
            await callback(Request())
        assert refused.value.status == 401


NODE = """
const { verify } = require("./webhooks.js");
const cases = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map(([headers, body]) => verify("%s", headers, Buffer.from(body, "base64")))));
"""
JAVA = """
public class Main {
    public static void main(String[] a) throws Exception {
        for (String line : new String(System.in.readAllBytes()).split("\\n")) {
            String[] f = line.split("\\t", -1);
            for (int i = 0; i < 3; i++) if (f[i].isEmpty()) f[i] = null;
            System.out.println(Webhooks.verify("%s", f[0], f[1], f[2], Base64.getDecoder().decode(f[3])));
        }
    }
}
"""
GOOD = [good for _, _, good in CASES.values()]


def told(command: list[str], folder: Path, said: str) -> str:
    done = subprocess.run(
        command, cwd=folder, input=said, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("node") is None, reason="no node")
def test_the_node_snippet_takes_what_is_ours_and_nothing_else(tmp_path: Path) -> None:
    (snippet,) = blocks("js")
    (tmp_path / "webhooks.js").write_text(snippet, "utf-8")
    (tmp_path / "main.js").write_text(NODE % KEY, "utf-8")
    cases = [(made(), base64.b64encode(body).decode()) for made, body, _ in CASES.values()]
    assert json.loads(told(["node", "main.js"], tmp_path, json.dumps(cases))) == GOOD


@pytest.mark.skipif(shutil.which("javac") is None, reason="no Java compiler")
def test_the_java_snippet_takes_what_is_ours_and_nothing_else(tmp_path: Path) -> None:
    (snippet,) = blocks("java")
    imports, _, rest = snippet.partition("\n\n")
    (tmp_path / "Main.java").write_text(f"{imports}\n{JAVA % KEY}\n{rest}", "utf-8")
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    lines = [
        "\t".join([*(made().get(name, "") for name in names), base64.b64encode(body).decode()])
        for made, body, _ in CASES.values()
    ]
    said = told(["java", "Main.java"], tmp_path, "\n".join(lines))
    assert [line == "true" for line in said.split()] == GOOD


@pytest.mark.parametrize("kind", ["js", "java"])
def test_the_snippets_of_other_languages_use_the_headers_that_we_send(kind: str) -> None:
    text = (DOCS / PAGES["en"]).read_text("utf-8")
    section = text[text.index("### Node") : text.index("### Java")]
    if kind == "java":
        section = text[text.index("### Java") :]
    assert set(re.findall(r"\bwebhook-[a-z]+", section)) == HEADERS


@pytest.mark.parametrize("lang", PAGES)
def test_every_command_that_the_page_names_exists(lang: str) -> None:
    text = (DOCS / PAGES[lang]).read_text("utf-8")
    named = re.findall(r"dispatchserver (group|receiver)((?: [\w-]+)*)", text)
    assert {name for name, _ in named} == {"group", "receiver"}
    group = cli.get_command(click.Context(cli), "group")
    for name, rest in named:
        if name == "group":
            verb, *words = shlex.split(rest)
            known = {option for each in group.commands[verb].params for option in each.opts}
            assert {word for word in words if word.startswith("--")} <= known
