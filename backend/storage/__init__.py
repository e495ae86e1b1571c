"""What lasts: the cast, the voices and the conversations, in SQLite or PostgreSQL."""
