"""Values that are made for every fire, or by the million: frozen for the type checker, and free of what that costs at run time."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any

__all__ = ["changed", "value"]

if TYPE_CHECKING:
    from dataclasses import dataclass as value
    from dataclasses import replace as changed
else:

    def value(**options: bool) -> Callable[[type[Any]], type[Any]]:
        """A dataclass that nobody may change, as mypy sees to. To make one takes a third of the time of a frozen one."""
        return dataclass(**options | {"frozen": False, "unsafe_hash": True})

    def changed(it: Any, **said: Any) -> Any:
        """As `dataclasses.replace`, in a third of its time, for a `value` that checks nothing when it is made."""
        new = _copier(type(it))(it)
        for name, content in said.items():
            setattr(new, name, content)
        return new


@cache
def _copier(kind: type[Any]) -> Callable[[Any], Any]:
    """Copies one of this class; written out for it, since a loop over its fields takes twice as long."""
    steps = "".join(f"\n new.{field.name} = it.{field.name}" for field in fields(kind))
    found: dict[str, Callable[[Any], Any]] = {}
    exec(
        f"def copy(it):\n new = make(kind){steps}\n return new",
        {"make": object.__new__, "kind": kind},
        found,
    )
    return found["copy"]
