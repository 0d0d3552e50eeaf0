"""Habits that leak, lose or break: rules on one object at a time, and on all objects of a cluster (estate.py).

A theme is a module with its `RULES`; a further rule is a function there and a row.
"""

from __future__ import annotations

from medpattern.checks.policy import (
    access,
    autoscaling,
    buckets,
    hosts,
    identity,
    images,
    knative,
    logins,
    messaging,
    secrets,
    syncing,
    transport,
    versions,
    workloads,
)
from medpattern.checks.rules import Rule

_THEMES = (
    access, autoscaling, buckets, hosts, identity, images, knative, logins, messaging, secrets, syncing, transport,
    versions, workloads,
)  # fmt: skip
RULES: tuple[Rule, ...] = tuple(rule for theme in _THEMES for rule in theme.RULES)
