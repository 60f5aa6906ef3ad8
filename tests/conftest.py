"""What every run tells at its end: how many golden vectors agreed."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Golden tests record a line each, which also comes back from workers."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    told = [pair for report in reports for pair in getattr(report, "user_properties", ())]
    lines = dict.fromkeys(value for name, value in told if name == "golden")
    if lines:
        terminalreporter.section("golden vectors")
        for line in lines:
            terminalreporter.line(str(line))
