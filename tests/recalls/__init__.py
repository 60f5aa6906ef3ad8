"""Recalls against real sockets on 127.0.0.1; a package, so that test files may bear the names of those in domain/."""
