"""Policies that a group or the server says for tasks which say nothing of them, and how these lie over each other."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from dispatchserver.domain.calendar import Shift
from dispatchserver.domain.errors import CalendarNotFound, Invalid
from dispatchserver.domain.misfirepolicy import check_misfire
from dispatchserver.domain.task import Policies
from dispatchserver.domain.triggers import Trigger, waits_for_completion

PRODUCTS = Policies()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDefaults:
    """`said` names the attributes of `policies` that are meant; of all others nothing is said."""

    said: frozenset[str] = frozenset()
    policies: Policies = PRODUCTS

    def over(self, under: Policies) -> Policies:
        """These policies where something is said, and those under them elsewhere."""
        if not self.said:
            return under
        said: dict[str, Any] = {name: getattr(self.policies, name) for name in self.said}
        laid = replace(under, **said)
        # what becomes of excluded occasions has no meaning where a calendar was taken away
        return laid if laid.calendar else replace(laid, shift=Shift.SKIP)


NO_DEFAULTS = PolicyDefaults()


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """A default that a task cannot have: the attribute, and the message that tells whose it is and what to do."""

    name: str
    code: str
    params: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """What the tasks of a group take where they say nothing: the group's defaults, else the server's."""

    group: str = ""
    of_group: PolicyDefaults = NO_DEFAULTS
    of_server: PolicyDefaults = NO_DEFAULTS

    @property
    def policies(self) -> Policies:
        """The policies of a task that says nothing at all."""
        return self.of_group.over(self.of_server.policies)

    def fill(self, own: PolicyDefaults) -> Policies:
        """The policies of a task that says these, key by key."""
        return own.over(self.policies)

    def misfits(
        self, policies: Policies, said: frozenset[str], trigger: Trigger
    ) -> Iterator[Misfit]:
        """What the task did not say itself and its trigger cannot have."""
        if "misfire" not in said:
            try:
                check_misfire(policies.misfire, trigger)
            except Invalid as invalid:
                yield self._misfit("misfire", invalid.params)
        if "calendar" not in said and policies.calendar and waits_for_completion(trigger):
            yield self._misfit("calendar", {"calendar": policies.calendar})

    @contextmanager
    def owning(self, policies: Policies) -> Iterator[None]:
        """Tells of a calendar that there is not, where it is the server's default, that it is that."""
        try:
            yield
        except CalendarNotFound as error:
            if policies.calendar != self.of_server.policies.calendar:
                raise
            raise CalendarNotFound(policies.calendar or "", usual=True) from error

    def _misfit(self, name: str, params: Mapping[str, object]) -> Misfit:
        whose = "group" if name in self.of_group.said else "server"
        code = f"defaults.{whose}.{name}"
        return Misfit(name=name, code=code, params={"group": self.group, **params})


NO_LAYERS = Layers()


def where_unchanged(said: Policies, began: Policies, usual: Policies) -> PolicyDefaults:
    """What a form that began with some policies says: those that were changed, and all where it began as is usual."""
    changed = (
        name
        for name in Policies.__dataclass_fields__
        if began == usual or getattr(said, name) != getattr(began, name)
    )
    return PolicyDefaults(said=frozenset(changed), policies=said)
