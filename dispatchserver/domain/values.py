"""Values that are made for every fire: frozen for the type checker, and free of what that costs at run time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

__all__ = ["value"]

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:

    def value(**options: bool) -> Callable[[type[Any]], type[Any]]:
        """A dataclass that nobody may change, as mypy sees to. To make one takes a third of the time of a frozen one."""
        return dataclass(**options | {"frozen": False, "unsafe_hash": True})
