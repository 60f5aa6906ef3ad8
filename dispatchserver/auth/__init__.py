"""Who may come in, and through which door: the gate, tokens for machines, sessions for people."""
