"""Forms that no page of ours makes: too many parts, or text in no charset we read."""

import aiohttp
import pytest

from tests.pages.conftest import Browser


def a_file(csrf: str, content: bytes, parts: int = 0) -> aiohttp.MultipartWriter:
    form = aiohttp.MultipartWriter("form-data")
    fields = {"csrf": csrf.encode(), "name": b"cal", "file": content}
    for name, value in {**fields, **{f"f{n}": b"" for n in range(parts)}}.items():
        form.append(value).set_content_disposition("form-data", name=name)
    return form


async def test_a_form_of_thousands_of_parts_is_refused(admin: Browser) -> None:
    answer = await admin.send("/calendars/import", data=a_file(admin.csrf, b"", 1_000))
    assert answer.status == 400


async def test_a_file_that_is_no_utf_8_is_told_at_its_field(admin: Browser) -> None:
    answer = await admin.send("/calendars/import", data=a_file(admin.csrf, "节".encode("gbk")))
    assert answer.status == 400
    assert "file：不是 UTF-8 文本" in answer.text


@pytest.mark.parametrize("text", ["--b\n" * 500, "--\n" * 500])
async def test_a_file_may_hold_what_looks_like_parts(admin: Browser, text: str) -> None:
    answer = await admin.send("/calendars/import", data=a_file(admin.csrf, text.encode()))
    assert answer.status == 422
