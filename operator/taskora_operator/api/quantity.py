"""Quantities (`500m`, `1Gi`) in the form the API server gives them back, so that comparing needs no arithmetic.

Source: k8s.io/apimachinery/pkg/api/resource, `Quantity.CanonicalizeBytes`.
"""

from __future__ import annotations

import re
from fractions import Fraction
from math import ceil

PATTERN = r"^[0-9]+(\.[0-9]+)?([KMGTPE]i|[munkMGTPE]|[eE][-+]?[0-9]{1,2})?$"

_PARTS = re.compile(r"^([0-9]+(?:\.[0-9]+)?)([KMGTPE]i|[munkMGTPE]|[eE][-+]?[0-9]{1,2})?$")
_DECIMAL = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_BINARY = {0: "", 1: "Ki", 2: "Mi", 3: "Gi", 4: "Ti", 5: "Pi", 6: "Ei"}
_POWERS = {suffix: Fraction(10) ** power for power, suffix in _DECIMAL.items()} | {
    suffix: Fraction(1024) ** power for power, suffix in _BINARY.items()
}


def amount(text: str) -> Fraction:
    """The exact value in base units (cores, bytes). Raises ValueError for what is no quantity."""
    number, suffix = _split(text)
    scale = Fraction(10) ** int(suffix[1:]) if _is_exponent(suffix) else _POWERS[suffix]
    return Fraction(number) * scale


def canonical(text: str) -> str:
    """`1000m` → `1`, `0.5` → `500m`, `1024Mi` → `1Gi`. Raises ValueError for what is no quantity."""
    _, suffix = _split(text)
    value = Fraction(ceil(amount(text) * 10**9), 10**9)  # the API server rounds up to nanounits
    if value == 0:
        return "0"
    if suffix.endswith("i") and value >= 1024 and value.denominator == 1:
        number, power = _reduce(value.numerator, base=1024, limit=6)
        return f"{number}{_BINARY[power]}"
    number, thousands = _reduce(int(value * 10**9), base=1000, limit=9)
    power = 3 * thousands - 9
    if _is_exponent(suffix):
        return f"{number}e{power}" if power else str(number)
    return f"{number}{_DECIMAL[power]}"


def _split(text: str) -> tuple[str, str]:
    parts = _PARTS.match(text)
    if parts is None:
        raise ValueError(
            f"{text!r} is no quantity: write a number with a unit, as 500m or 2 for CPU and 512Mi or 1Gi for bytes"
        )
    return parts[1], parts[2] or ""


def _is_exponent(suffix: str) -> bool:
    return suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix != "Ei"


def _reduce(number: int, *, base: int, limit: int) -> tuple[int, int]:
    power = 0
    while power < limit and number % base == 0:
        number //= base
        power += 1
    return number, power
