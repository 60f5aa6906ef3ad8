"""The form on a task's page that asks why it ran at a moment, or did not."""

import re
from html import unescape

from pages.conftest import ADMIN, Browser, House
from pages.test_pages import KEY, add_task, run_once, the_key


def answer(page: str) -> str:
    found = re.search(r'<p class="answer" role="status">(.*?)</p>', page)
    return unescape(found[1]) if found else ""


async def test_nothing_is_answered_before_somebody_asks(house: House, admin: Browser) -> None:
    await add_task(house)
    page = await admin.get("/task", **the_key())
    assert 'name="why" type="datetime-local" value="2' in page.text and answer(page.text) == ""


async def test_it_answers_by_the_tasks_clock_in_either_language(
    house: House, admin: Browser
) -> None:
    await add_task(house)
    for lang, words in (("zh", "将在 2099-11-22 03:0"), ("en", "it fires at 2099-11-22 03:0")):
        admin.set_cookie("lang", lang)
        found = ""
        for minute in range(5):  # it fires every five minutes, from whenever this test began
            page = await admin.get("/task", **the_key(why=f"2099-11-22T03:0{minute}"))
            found += answer(page.text)
            assert page.status == 200 and f'value="2099-11-22T03:0{minute}"' in page.text
        assert words in found and "+08:00" in found


async def test_it_names_who_paused(house: House, admin: Browser) -> None:
    await add_task(house)
    await house.tasks.pause(KEY, ADMIN)
    admin.set_cookie("lang", "en")
    pages = [await admin.get("/task", **the_key(why=f"2099-11-22T03:0{n}")) for n in range(5)]
    assert any("paused (by user:admin at" in answer(page.text) for page in pages)


async def test_it_leads_to_the_fire_that_proves_it(house: House, admin: Browser) -> None:
    await add_task(house)
    fire_id = await run_once(house)
    fire = await house.store.find_fire(fire_id)
    assert fire is not None
    page = await admin.get("/task", **the_key(why=fire.due_at.isoformat()))
    assert f'href="/fire?id={fire_id}"' in answer(page.text)


async def test_a_faulty_moment_is_told_beside_its_field(house: House, admin: Browser) -> None:
    await add_task(house)
    page = await admin.get("/task", **the_key(why="<yesterday>"))
    assert 'id="why-fault"' in page.text and 'value="&lt;yesterday&gt;"' in page.text
    assert answer(page.text) == ""


async def test_an_empty_log_of_a_task_leads_to_the_question(house: House, admin: Browser) -> None:
    await add_task(house)
    page = await admin.get("/fires", **the_key(**{"from": "2099-11-22T03:00"}))
    assert "why=2099-11-22T03%3A00#why" in page.text
    for query in (the_key(), {"from": "2099-11-22T03:00"}):
        page = await admin.get("/fires", **query)
        assert "#why" not in page.text
