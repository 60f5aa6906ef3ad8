"""`token` makes, lists and ends API tokens, right in the database, so that it works before the first start."""

import asyncio
from datetime import datetime, timedelta

import click

from dispatchserver.auth.tokens import is_live, new_token
from dispatchserver.cli.shell import terminal_language
from dispatchserver.clock import SystemClock
from dispatchserver.domain import jsontext
from dispatchserver.domain.access import Token
from dispatchserver.domain.moments import iso
from dispatchserver.messages import say
from dispatchserver.settingsources import from_environment
from dispatchserver.upkeep import accounts_of

DATABASE = click.option("--database-url", default=None, help="sqlite:///PATH")


@click.group()
def token() -> None:
    """API tokens for applications. 应用使用的 API 令牌。"""


@token.command()
@click.argument("name")
@click.option("--days", type=click.IntRange(1, 3650), help="end the token after so many days")
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
@DATABASE
def create(name: str, days: int | None, as_json: bool, database_url: str | None) -> None:
    """Make a token; it is shown once. 新建令牌，只显示一次。"""
    made, text = asyncio.run(_create(name, days, database_url))
    if as_json:
        click.echo(jsontext.dumps({"id": made.id, "name": made.name, "token": text}))
        return
    click.echo(text)
    click.echo(say(terminal_language(), "token.created", name=name), err=True)


async def _create(name: str, days: int | None, url: str | None) -> tuple[Token, str]:
    now = SystemClock().now()
    made, text = new_token(name, now, None if days is None else now + timedelta(days=days))
    async with accounts_of(from_environment(_flags(url))[0]) as accounts:
        await accounts.add_token(made)
    return made, text


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line")
@DATABASE
def list_tokens(as_json: bool, database_url: str | None) -> None:
    """List the tokens, without their secrets. 列出令牌（不含密文）。"""
    now = SystemClock().now()
    for known in asyncio.run(_list(database_url)):
        if as_json:
            click.echo(jsontext.dumps(_token_doc(known, now)))
        else:
            live = say(terminal_language(), "token.live" if is_live(known, now) else "token.ended")
            click.echo(f"{known.id}  {live:<8} {iso(known.created_at)}  {known.name}")


async def _list(url: str | None) -> list[Token]:
    async with accounts_of(from_environment(_flags(url))[0]) as accounts:
        return list(await accounts.list_tokens())


def _token_doc(known: Token, now: datetime) -> dict[str, object]:
    return {
        "id": known.id,
        "name": known.name,
        "live": is_live(known, now),
        "created_at": iso(known.created_at),
        "expires_at": known.expires_at and iso(known.expires_at),
        "revoked_at": known.revoked_at and iso(known.revoked_at),
    }


@token.command()
@click.argument("which")
@DATABASE
def revoke(which: str, database_url: str | None) -> None:
    """End a token, by id or name. 按 id 或名称吊销令牌。"""
    if not asyncio.run(_revoke(which, database_url)):
        raise click.ClickException(say(terminal_language(), "token.unknown", which=which))


async def _revoke(which: str, url: str | None) -> bool:
    async with accounts_of(from_environment(_flags(url))[0]) as accounts:
        return await accounts.revoke_token(which, SystemClock().now())


def _flags(url: str | None) -> dict[str, object]:
    return {} if url is None else {"database_url": url}
