"""The webhook by which a git provider tells Argo CD of a push: where Argo CD looks for its secret, and where that is.

Argo CD reads it from argocd-secret. A value `$NAME:KEY` there means a key of another Secret beside it, if that one has
the label `app.kubernetes.io/part-of: argocd`. If it has not, or is not there, Argo CD takes the reference itself for
the secret, which everybody knows. (Argo CD 3.5: docs/operator-manual/webhook.md, util/settings.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medpattern.fleet.merge import lookup

SETTINGS = "argocd-secret"
SECRET = "medpattern-webhook"  # noqa: S105  a name
PART_OF = ("app.kubernetes.io/part-of", "argocd")

# For each provider: the key of argocd-secret, and the key of our Secret that it refers to.
KEYS: Mapping[str, Mapping[str, str]] = {
    "azuredevops": {"webhook.azuredevops.username": "username", "webhook.azuredevops.password": "password"},
    "bitbucket": {"webhook.bitbucket.uuid": "uuid"},
    "bitbucketserver": {"webhook.bitbucketserver.secret": "secret"},
    "github": {"webhook.github.secret": "secret"},
    "gitlab": {"webhook.gitlab.secret": "secret"},
    "gogs": {"webhook.gogs.secret": "secret"},
}


def provider_of(values: Mapping[str, Any]) -> str:
    """The provider that the values of a cluster name; "" where Argo CD is to poll alone."""
    return str(lookup(values, ("medpattern", "argocd", "webhook"))[1] or "")


def fields(provider: str) -> tuple[str, ...]:
    """The keys that our Secret must have."""
    return tuple(KEYS[provider].values())


def references(provider: str) -> dict[str, str]:
    """What argocd-secret is to have, by key; none of it is secret."""
    return {setting: f"${SECRET}:{key}" for setting, key in KEYS[provider].items()}


def readers(provider: str) -> dict[str, str]:
    """Who reads each key of our Secret, in words."""
    return dict.fromkeys(fields(provider), f"Argo CD, for the webhook of {provider}")
