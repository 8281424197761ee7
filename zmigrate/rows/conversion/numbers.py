"""Numbers for Zoho: text as declared, plain otherwise, and none that would lose a digit.

Digits: zoho.com/crm/developer/docs/api/v8/insert-records.html ("Sample attributes").
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from zmigrate.rows.conversion.refusal import NOTHING, Refused, kind_of, short, take
from zmigrate.rows.conversion.separators import Separators, undeclared

INTEGER_DIGITS: Final = 9
BIGINT_DIGITS: Final = 18
DIGITS_BEFORE_POINT: Final = 16
DIGITS_AFTER_POINT: Final = 9
PERCENT_DIGITS: Final = 5
EXACT_FLOAT_DIGITS: Final = 15  # A decimal with this many digits survives a 64-bit float
EXACT_WHOLE_FLOATS: Final = 2.0**53  # from here on a 64-bit float can't hold every whole number

_WHOLE = re.compile(r"[+-]?\d+\Z", re.ASCII)
_ROUNDED = re.compile(r"[+-]?\d[.,]\d+E\+(1[1-9]|[2-9]\d)\Z", re.ASCII)
"""How Excel writes a number with twelve or more digits."""

_PLAIN_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)\Z", re.ASCII)


def integer(value: Any, separators: Separators | None = None, digits: int = INTEGER_DIGITS) -> Any:
    value = take(value)
    if value is None or value is NOTHING:
        return value
    return int(_whole(value, digits, separators))


def bigint(value: Any, separators: Separators | None = None, digits: int = BIGINT_DIGITS) -> Any:
    """A long integer, which Zoho takes as a string. Leading zeros are kept."""
    value = take(value)
    if value is None or value is NOTHING:
        return value
    return _whole(value, digits, separators, keep_zeros=True).removeprefix("+")


def _whole(value: Any, most: int, separators: Separators | None, *, keep_zeros: bool = False) -> str:
    if isinstance(value, str):
        plain = value
        if not _WHOLE.match(value):
            refuse_rounded(value)
            if separators is None:
                raise undeclared(value, whole=True)
            plain = separators.read(value)
            if not _WHOLE.match(plain):
                raise Refused(f"{short(value)} is not a whole number")
    elif isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise Refused(f"a whole number is wanted, not {kind_of(value)}")
    else:
        is_number = not isinstance(value, Decimal) or value.is_finite()  # NaN can't be compared
        # `abs` of a Decimal with a large exponent overflows.
        if not (is_number and -(10**most) < value < 10**most):
            raise Refused(f"more than {most} digits, or no number at all")
        if isinstance(value, float) and abs(value) >= EXACT_WHOLE_FLOATS:
            raise Refused(
                f"{value:.0f} came as a float, which does not keep so many digits", remedy="give it as text"
            )
        if value != int(value):
            raise Refused(f"{value} is not a whole number")
        plain = str(int(value))
    if len(plain) > most:
        count = len(plain.lstrip("+-" if keep_zeros else "+-0"))
        if count > most:
            raise Refused(f"{count} digits, {most} is the most")
        if not keep_zeros:  # Python reads no number with thousands of digits, not even of zeros
            plain = "-" * plain.startswith("-") + (plain.lstrip("+-0") or "0")
    return plain


def refuse_rounded(text: str) -> None:
    """Refuse what a spreadsheet makes of a long number: 123456789012345678 becomes 1.23457E+17."""
    if _ROUNDED.match(text):
        raise Refused(
            f"{short(text)} was rounded by a spreadsheet, its last digits are gone",
            remedy="export it again, with this column as text",
        )


def number(value: Any, separators: Separators | None = None, digits: int = DIGITS_BEFORE_POINT) -> Any:
    """A double, a currency or a percentage with at most `digits` digits before the point."""
    before = digits
    value = take(value)
    if value is None or value is NOTHING:
        return value
    if isinstance(value, float):
        if not abs(value) < 10**before:
            raise Refused(f"more than {before} digits before the point, or no number at all")
        return _from_float(value)
    if isinstance(value, str):
        if separators is not None:
            refuse_rounded(value)
            value = separators.read(value)
        elif not _PLAIN_NUMBER.match(value):
            refuse_rounded(value)
            raise undeclared(value, whole=False)
        if (
            len(value) <= EXACT_FLOAT_DIGITS
            and before > EXACT_FLOAT_DIGITS
            and len(value.partition(".")[2]) <= 9
        ):
            return float(value)
        exact = Decimal(value)
    elif isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        if isinstance(value, int) and not abs(value) < 10**before:
            raise Refused(f"more than {before} digits")
        exact = Decimal(value)
    else:
        raise Refused(f"a number is wanted, not {kind_of(value)}")
    return _from_decimal(exact, before)


def _from_float(value: float) -> float:
    """The float, rounded to the digits that a float is sure to keep: a spreadsheet's results have digits
    that nobody wrote (0.1 + 0.2 is 0.30000000000000004). More decimals than that are refused, as in text.
    """
    rounded = round(value, DIGITS_AFTER_POINT)
    if rounded != value and _decimals(Decimal(f"{value:.{EXACT_FLOAT_DIGITS}g}")) > DIGITS_AFTER_POINT:
        raise Refused(f"more than {DIGITS_AFTER_POINT} digits after the point", remedy="round it")
    return rounded


def _decimals(exact: Decimal) -> int:
    """How many digits there are after the point."""
    return -int(exact.normalize().as_tuple().exponent)


def _from_decimal(exact: Decimal, before: int) -> float | int:
    if not exact.is_finite() or (exact and exact.adjusted() >= before):
        raise Refused(f"more than {before} digits before the point, or no number at all")
    if exact and (exact.adjusted() < -DIGITS_AFTER_POINT or exact != round(exact, DIGITS_AFTER_POINT)):
        raise Refused(f"more than {DIGITS_AFTER_POINT} digits after the point", remedy="round it")
    rough = float(exact)
    if Decimal(repr(rough)) == exact:
        return rough
    if exact == int(exact):
        return int(exact)
    raise Refused("more digits than a number in JSON keeps exactly", remedy="round it")
