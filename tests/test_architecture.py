"""Rules of the house that no linter knows."""

import ast
import re
import string
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dispatchserver.messages import LANGUAGES, catalog

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "dispatchserver").rglob("*.py"))
AN_INDEX = r"--(?:extra-)?index-url[ =]\S|https?://\S+/simple\b"
A_HOME = r"(?<![\w.])/(?:home|Users)/\w+/"
UNFINISHED = re.compile(r"\b(" + "TO" + r"DO|" + "FIX" + r"ME)\b")


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def tracked_files() -> list[Path]:
    """What git tracks or would track, without vendored files; nothing outside a checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    files = [ROOT / path for path in listed.split("\0") if path and "vendor" not in path]
    return [file for file in files if file.is_file() and file != Path(__file__)]


def text(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "replace")


def codes_in(file: Path) -> Iterator[str]:
    """Message keys written out in one module: Invalid("key"), faults.add("field", "key"), code = "key"."""
    for node in ast.walk(ast.parse(text(file))):
        match node:
            case ast.Call(func=ast.Name("Invalid"), args=[ast.Constant(str(code)), *_]):
                yield code
            case ast.Call(func=ast.Attribute(attr="add"), args=[_, ast.Constant(str(code)), *_]):
                yield code
            case ast.ClassDef(body=body) if file.name == "errors.py":
                for line in body:
                    match line:
                        case ast.Assign([ast.Name("code")], ast.Constant(str(code))):
                            yield code


def placeholders(template: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(template) if field is not None}


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_module_says_what_it_is_and_stays_short(module: Path) -> None:
    source = text(module)
    assert ast.get_docstring(ast.parse(source)), "no module docstring"
    assert len(source.splitlines()) <= 300


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_the_same_messages(lang: str) -> None:
    assert set(catalog(lang)) == set(catalog("en"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_message_is_written_once(lang: str) -> None:
    files = sorted((ROOT / "dispatchserver" / "locales" / lang).glob("*.toml"))
    assert sum(len(keys_of(tomllib.loads(text(file)))) for file in files) == len(catalog(lang))


def keys_of(table: dict[str, Any]) -> list[str]:
    inner = [keys_of(value) if isinstance(value, dict) else [key] for key, value in table.items()]
    return [key for keys in inner for key in keys]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_fills_the_same_placeholders(lang: str) -> None:
    ours, english = catalog(lang), catalog("en")
    shared = ours.keys() & english.keys()
    differing = {key for key in shared if placeholders(ours[key]) != placeholders(english[key])}
    assert differing == set()


def test_every_error_has_its_words() -> None:
    found = [(name(file), code) for file in MODULES for code in codes_in(file)]
    assert [(file, code) for file, code in found if code not in catalog("en")] == []


def test_nothing_names_a_package_index_or_the_machine_it_was_written_on() -> None:
    pattern = re.compile(f"{AN_INDEX}|{A_HOME}")
    found = {name(file): hit[0] for file in tracked_files() if (hit := pattern.search(text(file)))}
    assert found == {}


def test_lock_files_hold_no_addresses() -> None:
    locks = sorted((ROOT / "requirements").glob("*.lock"))
    assert locks and not [lock.name for lock in locks if "://" in text(lock)]


def test_nothing_is_left_for_later() -> None:
    code = [
        file
        for file in tracked_files()
        if file.suffix in {".py", ".sh", ".sql", ".html", ".js", ".css", ".toml"}
    ]
    assert [name(file) for file in code if UNFINISHED.search(text(file))] == []


def test_what_runs_is_what_was_tested() -> None:
    core, dev = (
        set(re.findall(r"^\S+==[^\\]+", text(ROOT / "requirements" / lock), re.MULTILINE))
        for lock in ("core.lock", "dev.lock")
    )
    assert core
    assert core <= dev
