"""Secrets: the file that a person keeps, what the rendered tree asks for, and the stores that it is loaded into."""
