"""The command line: a file a command, joined in main."""

from dispatchserver.cli.main import main

__all__ = ["main"]
