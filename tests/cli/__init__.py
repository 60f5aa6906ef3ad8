"""The command line, called in process or as a process; a package, as tests/recalls is."""
