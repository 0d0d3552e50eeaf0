"""The results' database: PostgreSQL, or SQLite in a local run, by the same code."""
