"""Where tasks and fires are kept: one SQL text and thin drivers under it."""
