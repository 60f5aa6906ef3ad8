"""The message catalogs, a folder a language and a TOML file a subject; both languages hold the same keys."""
