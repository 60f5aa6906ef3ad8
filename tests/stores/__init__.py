"""The stores behind their ports."""
