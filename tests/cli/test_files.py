"""A server makes room for its callbacks and for those who come in, as far as it may open files."""

import resource
import subprocess
import sys

import pytest

from tests.processes import ROOT

ASK = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
from dispatchserver.openfiles import room_for
print(*room_for({slots}, {connections}), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "slots", "connections", "left"),
    [
        (256, 4096, 100, 1000, (100, 1000, 1300)),
        (2048, 4096, 100, 1000, (100, 1000, 2048)),
        (256, 1024, 100, 1000, (100, 724, 1024)),
        (256, 1024, 2000, 100, (724, 100, 1024)),
        (256, 1024, 2000, 2000, (412, 412, 1024)),
    ],
)
def test_neither_callbacks_nor_connections_take_the_others_files(
    soft, hard, slots, connections, left
):
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < hard:
        pytest.skip("this machine allows fewer files")
    script = ASK.format(soft=soft, hard=hard, slots=slots, connections=connections)
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.split() == [str(number) for number in left]
