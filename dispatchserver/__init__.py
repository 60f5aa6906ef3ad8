"""A callback scheduler: applications say when and whom to call, and are called back when it is due."""

__version__ = "0.1.0"
