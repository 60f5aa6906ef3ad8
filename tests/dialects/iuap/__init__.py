"""The doors against a real server; a package, so that test files may bear the names of those elsewhere."""
