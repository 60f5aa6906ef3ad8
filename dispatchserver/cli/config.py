"""`config show` tells what the server would run with; and how settings become flags of a command."""

from collections.abc import Callable
from typing import Any

import click

from dispatchserver.domain import jsontext
from dispatchserver.settings import Settings
from dispatchserver.settingsources import LISTS, from_environment


def settings_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds a flag for every setting."""
    for name, field in reversed(Settings.model_fields.items()):
        flag = "--" + name.replace("_", "-")
        multiple = name in LISTS
        shown = "" if field.default_factory or field.default is None else f" [{field.default}]"
        command = click.option(
            flag, name, default=None, multiple=multiple, help=f"{field.description}{shown}"
        )(command)
    return command


def given(flags: dict[str, Any]) -> dict[str, object]:
    """The flags that were really given."""
    return {name: value for name, value in flags.items() if value not in (None, ())}


@click.group()
def config() -> None:
    """Look at the settings. 查看配置。"""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
@settings_flags
def show(as_json: bool, **flags: Any) -> None:
    """Print every setting with where it came from. 显示每项配置及其来源。"""
    settings, sources = from_environment(given(flags))
    rows = settings.model_dump(mode="json")
    if as_json:
        doc = {key: {"value": value, "source": sources[key]} for key, value in rows.items()}
        click.echo(jsontext.dumps(doc))
        return
    for key, value in rows.items():
        shown = jsontext.dumps(value) if isinstance(value, dict) else str(value)
        click.echo(f"{key:<24} {shown:<32} {sources[key]}")
