"""The wire languages: each folder speaks one, and none knows another."""
