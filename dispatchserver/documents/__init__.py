"""The JSON of triggers, recalls and policies that doors share: read and written in one place. Pure."""
