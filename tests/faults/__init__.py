"""Faults brought about on purpose, and a checker that knows only what can be seen from outside."""
