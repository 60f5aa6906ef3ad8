"""The engine, moved by a hand-moved clock."""
