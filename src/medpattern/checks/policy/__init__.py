"""Habits that leak, lose or break: rules on one object at a time, and on all objects of a cluster."""

from __future__ import annotations

from medpattern.checks.rules import Rule

RULES: tuple[Rule, ...] = ()
