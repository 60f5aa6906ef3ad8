"""`task export` and `task import`: what comes out of one server goes into another, and nothing is lost or told wrongly."""

from tests.cli.conftest import url

__all__ = ["other", "url"]
other = url  # a second server

FAR = "2998-03-02T08:00:00Z"
NOON = {"kind": "cron", "expression": "0 0 12 * * ?"}
RECALL = {"kind": "HTTP", "url": "http://127.0.0.1:9/x"}
