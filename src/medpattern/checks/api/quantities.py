"""Kubernetes quantities: numbers with a suffix, such as 500m, 1.5Gi or 1e3."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,4}))?", re.ASCII)
_SUFFIXES = {
    **{suffix: Decimal(10) ** -power for suffix, power in (("n", 9), ("u", 6), ("m", 3))},
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", 1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", 1)},
}

CURE = "write it as 500m, 2, 128Mi or 1.5Gi"


def quantity(value: Any) -> Decimal | None:
    """The number that a quantity stands for; None if it is none, as with 1GB or 500 m.

    >>> quantity("1.5Ki"), quantity("500m"), quantity("1GB")
    (Decimal('1536.0'), Decimal('0.500'), None)
    """
    found = _QUANTITY.fullmatch(str(value)) if isinstance(value, str | int | float) else None
    if found is None or isinstance(value, bool):
        return None
    scale = _SUFFIXES.get(found[2], Decimal(1)) * (Decimal(10) ** int(found[3] or 0))
    return Decimal(found[1]) * scale
