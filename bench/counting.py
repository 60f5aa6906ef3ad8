"""A server that counts the calls of functions: `python -m bench.counting FILE serve …`. At SIGUSR1 it writes to the file what
it has counted since the last time, by thread and function, and begins anew."""

import json
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

counts: dict[str, Counter[str]] = {}


def count(*_: object) -> None:
    """Counts what this thread calls from now on."""
    counter = counts[threading.current_thread().name] = Counter()

    def hear(frame: FrameType, event: str, arg: Any) -> None:
        if event == "call":
            code = frame.f_code
            counter[f"{Path(code.co_filename).name}:{code.co_qualname}"] += 1
        elif event == "c_call":
            counter[f"C:{getattr(arg, '__qualname__', arg)}"] += 1

    sys.setprofile(hear)


def tell(into: Path) -> None:
    """Writes down what was counted, all at once, and begins anew."""
    whole = {thread: dict(counter) for thread, counter in counts.items()}
    unfinished = into.with_suffix(".part")
    unfinished.write_text(json.dumps(whole), encoding="utf-8")
    unfinished.rename(into)
    for counter in counts.values():
        counter.clear()


if __name__ == "__main__":
    from dispatchserver.cli import main

    into = Path(sys.argv[1])
    sys.argv = ["dispatchserver", *sys.argv[2:]]
    signal.signal(signal.SIGUSR1, lambda *_: tell(into))
    threading.setprofile(count)
    count()
    main()
