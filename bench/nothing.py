"""The yardstick of the adds: the same web server and the same reading of the form, and nothing stored."""

import asyncio
import signal
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.intake import read_body
from dispatchserver.dialects.iuap.reading import read_add
from dispatchserver.dialects.iuap.setting import Habits
from dispatchserver.dialects.iuap.wire import envelope, read_fields
from dispatchserver.eventloop import new_event_loop

HABITS = Habits(zone=ZoneInfo("Asia/Shanghai"))


async def add(request: web.Request) -> web.Response:
    """Reads all of an add.do, and says yes."""
    body = await read_body(request)
    fields = read_fields(body, request.headers["Content-Type"], request.rel_url.raw_query_string)
    read_add(fields, datetime.now(UTC), HABITS)
    return web.Response(body=envelope(), content_type="application/json", charset="utf-8")


async def main() -> None:
    """Serves until told to end."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    app = web.Application()
    app.router.add_post("/dispatchserver/add.do", add)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"nothing on 127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await stopped.wait()
    await runner.cleanup()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:  # the server's
        runner.run(main())
