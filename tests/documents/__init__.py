"""What documents say, and what is read back from them; a package, as tests/dialects is."""
