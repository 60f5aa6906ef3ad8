"""The heart at work: loops that turn due tasks into delivered fires, and the use cases that all doors share."""
