"""The ways to call back: one small class per kind, each a RecallTarget of ports.py."""
