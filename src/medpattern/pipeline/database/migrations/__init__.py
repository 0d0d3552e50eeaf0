"""Alembic's revisions, run by `medpattern migrate` (a Job in a cluster) and never by a service."""
