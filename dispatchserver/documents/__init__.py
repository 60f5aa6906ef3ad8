"""The JSON of triggers and policies that every door shares: read and written in one place. Pure."""
