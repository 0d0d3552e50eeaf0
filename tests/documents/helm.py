"""What real Helm reads from YAML."""

from __future__ import annotations

import math
from typing import Any

import helm_python


def read_by_helm(text: str) -> Any:
    """The values in `text`, or None where Helm refuses it."""
    try:
        return helm_python.values_from_yaml(text)
    except helm_python.HelmError:
        return None


def same(ours: Any, helm: Any) -> bool:
    """Whether both are one JSON value: 3.0 is 3, true is no 1, and past 2^53 numbers are doubles."""
    if isinstance(ours, dict) and isinstance(helm, dict):
        return ours.keys() == helm.keys() and all(same(ours[key], helm[key]) for key in ours)
    if isinstance(ours, list) and isinstance(helm, list):
        return len(ours) == len(helm) and all(map(same, ours, helm))
    if isinstance(ours, bool) or isinstance(helm, bool) or not isinstance(ours, int | float):
        return type(ours) is type(helm) and ours == helm
    return isinstance(helm, int | float) and math.isclose(ours, helm, rel_tol=1e-15, abs_tol=0)
