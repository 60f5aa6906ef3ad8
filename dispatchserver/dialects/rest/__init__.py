"""Our own REST language, `/api/v1`, and the addresses that watchdogs ask."""
