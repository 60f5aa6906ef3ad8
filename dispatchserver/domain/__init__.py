"""The pure heart: tasks, triggers, fires and the decisions about them. No clock, no I/O, no await."""
