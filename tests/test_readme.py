"""What the README tells a new user to type does what it says."""

import asyncio
import re
import shlex
import urllib.parse
import urllib.request
from itertools import pairwise
from pathlib import Path

import pytest

from dispatchserver.app import running
from dispatchserver.clock import SystemClock
from dispatchserver.receiver.server import Call, Receiver, serve
from dispatchserver.settings import Settings

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh.md")


def curl_words(readme: str) -> list[str]:
    """The README's curl command as a shell would split it."""
    text = (ROOT / readme).read_text("utf-8")
    (command,) = re.findall(r"^curl .*?(?=\n```)", text, re.M | re.S)
    return shlex.split(command.replace("\\\n", " "))


def as_request(words: list[str], server: str, receiver: str) -> urllib.request.Request:
    """What that command sends, to the addresses of this test."""
    url = words[1].replace("http://127.0.0.1:8080", server)
    values = [word for flag, word in pairwise(words) if flag == "--data-urlencode"]
    pairs = [value.partition("=")[::2] for value in values]
    form = {name: value.replace("http://127.0.0.1:9090", receiver) for name, value in pairs}
    form["taskConfig"] = form["taskConfig"].replace(
        "0/10 *", "* *"
    )  # nobody waits ten seconds here
    return urllib.request.Request(url, urllib.parse.urlencode(form).encode())


@pytest.mark.parametrize("readme", READMES)
async def test_the_curl_line_adds_a_task_that_is_called_back(readme: str, tmp_path: Path) -> None:
    calls: asyncio.Queue[Call] = asyncio.Queue()
    receiver = await serve(
        "127.0.0.1", 0, 0, Receiver(clock=SystemClock(), on_call=calls.put_nowait)
    )
    settings = Settings(port=0, database_url=f"sqlite:///{tmp_path}/d.db")
    async with running(settings) as server:
        request = as_request(
            curl_words(readme), server.url, f"http://127.0.0.1:{receiver.http_port}"
        )
        with await asyncio.to_thread(urllib.request.urlopen, request) as reply:
            assert b'"success":true' in reply.read()
        call = await asyncio.wait_for(calls.get(), 30)
    await receiver.close()
    assert (call.group, call.name, call.data) == ("hello", "every-10-seconds", {"hello": "world"})


def test_both_languages_show_the_same_commands() -> None:
    blocks = [
        re.findall(r"```sh\n(.*?)```", (ROOT / name).read_text("utf-8"), re.S) for name in READMES
    ]
    commands = [
        [re.sub(r"#.*", "", line).strip() for b in bs for line in b.splitlines()] for bs in blocks
    ]
    assert commands[0] == commands[1]
