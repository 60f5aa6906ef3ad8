"""`POST /api/v1/tasks:import`: how lines are to be taken, and what became of them as JSON. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dispatchserver.dialects.rest.lines import Bad, Manner, OnError, Said, Terms
from dispatchserver.dialects.rest.putting import placing, read_conditions
from dispatchserver.dialects.rest.wire import problem_doc
from dispatchserver.documents.authorization import naming_the_secret
from dispatchserver.documents.triggers import Doc
from dispatchserver.domain.changing import Action, Change
from dispatchserver.domain.errors import DispatchError
from dispatchserver.domain.excerpts import excerpt
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader, as_member

TOLD_LIMIT = 100


def read_manner(query: Mapping[str, str], headers: Mapping[str, str]) -> Manner:
    """How an import is asked for; raises Refused."""
    faults = Faults()
    reader = FieldReader(query, faults)
    on_error = reader.take("onError", lambda value: as_member(value, OnError), OnError.STOP)
    reader.refuse_unread()
    overwrite, expected = read_conditions(headers, faults)
    if expected is not None:
        faults.add("If-Match", "import.if_match", expected)
    faults.raise_if_any()
    return Manner(on_error=on_error, overwrite=overwrite)


def refused(said: Said, terms: Terms, error: DispatchError) -> Bad:
    """A line that the store refused, under the field that can mend it."""
    addition = said.addition(terms)
    whose = terms.basis(addition.key.group).policies.owning(addition.spec.policies)
    auth = naming_the_secret(addition.spec.recall, "recall.auth")
    try:
        with placing(addition), whose, auth:
            raise error
    except DispatchError as named:
        return Bad(said.number, named, excerpt(addition.key.group), excerpt(addition.key.name))


@dataclass(slots=True)
class Tally:
    """What has become of the lines so far. Of those that were refused, the first hundred are told."""

    lines: int = 0
    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    refused: int = 0
    told: list[Bad] = field(default_factory=list)

    def book(self, change: Change) -> None:
        """One line has been taken, and is stored."""
        self.lines += 1
        if change.after is change.before:
            self.unchanged += 1
        elif change.action is Action.ADDED:
            self.added += 1
        else:
            self.replaced += 1

    def add(self, count: int) -> None:
        """So many lines were new, and are stored."""
        self.lines += count
        self.added += count

    def refuse(self, bad: Sequence[Bad]) -> None:
        """These lines are refused, and change nothing."""
        self.lines += len(bad)
        self.refused += len(bad)
        self.told += bad[: TOLD_LIMIT - len(self.told)]


def tally_doc(tally: Tally, lang: str) -> Doc:
    """How many lines were taken and what they did, and what is wrong with the others."""
    return {
        "lines": tally.lines,
        "added": tally.added,
        "replaced": tally.replaced,
        "unchanged": tally.unchanged,
        "refused": tally.refused,
        "errors": [bad_doc(bad, lang) for bad in tally.told],
    }


def bad_doc(bad: Bad, lang: str) -> Doc:
    """One refused line: its number, what it names, and every fault with its field."""
    problem = problem_doc(bad.error, 400, lang)
    return {
        "line": bad.number,
        "group": bad.group,
        "name": bad.name,
        "code": problem["code"],
        "detail": problem["detail"],
        "errors": problem.get("errors", []),
    }
