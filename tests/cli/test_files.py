"""A server makes room for all its connections, as far as it may open files."""

import resource
import subprocess
import sys

import pytest

from tests.processes import ROOT

SERVE = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
from dispatchserver.cli import serve
serve._make_room({wanted})
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "left"),
    [
        (256, 4096, 1300, 1300),
        (256, 1024, 1300, 1024),
        (2048, 4096, 1300, 2048),
    ],
)
def test_a_server_may_open_as_many_files_as_it_needs(soft, hard, wanted, left):
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < hard:
        pytest.skip("this machine allows fewer files")
    script = SERVE.format(soft=soft, hard=hard, wanted=wanted)
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.split() == [str(left), str(hard)], done.stderr
