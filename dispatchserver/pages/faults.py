"""The faults of a form in words. Pure."""

from dispatchserver.domain.errors import Fault
from dispatchserver.pages.words import Viewer


def say_problem(fault: Fault, viewer: Viewer) -> str:
    """What is wrong and allowed, with the line or the part where the field has several."""
    problem = viewer.say(fault.code, **fault.params)
    if "line_number" in fault.params:
        return viewer.say("fault.in_line", line=fault.params["line_number"], problem=problem)
    if "part" in fault.params:
        return viewer.say("fault.in_part", part=fault.params["part"], problem=problem)
    return problem


def say_line(fault: Fault, viewer: Viewer) -> str:
    """The same with the name of the field before it."""
    label = viewer.say(f"form.{fault.field}.label")
    return viewer.say("fault.line", field=label, problem=say_problem(fault, viewer))
