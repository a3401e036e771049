"""What a week turned out to be: exactly one type per account, underlying and trading week (section 5).

``classify`` is a total function over the facts of a week: the first row of the table that matches is the
type. All legs' own types are kept beside it, and so are the facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from alluse_assets.base.config.model_market import WeekTypeRules
from alluse_assets.base.money import is_under


class WeekType(StrEnum):
    """In the order of the table; the first that matches wins."""

    DEEP_DRAWDOWN = "P-DD"
    PUT_ROLLED = "P-RO"
    ASSIGNED_OVER_LIMIT = "P-AOL"
    ASSIGNED_WITHIN_LIMIT = "P-AWL"
    RECOVERY = "C-REC"
    CALL_ROLLED = "C-RO"
    STRONG_APPRECIATION = "C-WAP+"
    APPRECIATION = "C-WAP"
    PREMIUM_ONLY = "C-PNO"
    EXPIRED_WORTHLESS = "P-EW"
    IDLE = "W-IDL"


WEEK_TYPE_TEXT: Mapping[WeekType, str] = {
    WeekType.DEEP_DRAWDOWN: "a close far under the strike of an open put",
    WeekType.PUT_ROLLED: "a put was rolled",
    WeekType.ASSIGNED_OVER_LIMIT: "a put was assigned or settled, the price under the limit",
    WeekType.ASSIGNED_WITHIN_LIMIT: "a put was assigned or settled, the price within the limit",
    WeekType.RECOVERY: "shares far under their adjusted basis",
    WeekType.CALL_ROLLED: "a call was rolled, or shares under their adjusted basis",
    WeekType.STRONG_APPRECIATION: "shares called away well over their basis",
    WeekType.APPRECIATION: "shares called away",
    WeekType.PREMIUM_ONLY: "shares held, or a call ended without a call-away",
    WeekType.EXPIRED_WORTHLESS: "a put expired worthless, was bought back at no loss, or stayed open",
    WeekType.IDLE: "no option and no shares",
}


class PutEnd(StrEnum):
    """How a put leg stood at the end of the week."""

    OPEN = "open"
    EXPIRED = "expired"
    BOUGHT_BACK_AT_NO_LOSS = "bought_back_at_no_loss"
    BOUGHT_BACK_AT_A_LOSS = "bought_back_at_a_loss"
    ASSIGNED = "assigned"
    CASH_SETTLED = "cash_settled"
    ROLLED = "rolled"


class CallEnd(StrEnum):
    """How a call leg stood at the end of the week."""

    OPEN = "open"
    EXPIRED = "expired"
    BOUGHT_BACK = "bought_back"
    CALLED_AWAY = "called_away"
    CASH_SETTLED = "cash_settled"
    ROLLED = "rolled"


@dataclass(frozen=True, slots=True)
class PutLeg:
    """A put that was open in the week. ``lowest_close`` is the lowest close while it was open, USD."""

    strike: Decimal
    end: PutEnd
    lowest_close: Decimal | None


@dataclass(frozen=True, slots=True)
class CallLeg:
    """A call that was open in the week. ``adjusted_basis``: of the shares called away, USD per share."""

    strike: Decimal
    end: CallEnd
    sold_in_recovery: bool = False
    adjusted_basis: Decimal | None = None


@dataclass(frozen=True, slots=True)
class WeekFacts:
    """What is known of one account and underlying after a week; prices in USD per share, split-adjusted.

    ``held_shares``: at some close or through an assignment or call-away in the week.
    ``adjusted_basis``: at the week's end, or before the call-away that ended the holding. Not above zero
    where call income has paid for the shares: then they are in no loss, however low they trade.
    """

    last_price: Decimal | None
    puts: tuple[PutLeg, ...] = ()
    calls: tuple[CallLeg, ...] = ()
    held_shares: bool = False
    adjusted_basis: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Classification:
    """The week's type and those of its legs, in the table's order."""

    week_type: WeekType
    legs: tuple[WeekType, ...]


def classify(facts: WeekFacts, rules: WeekTypeRules) -> Classification:
    """The type of a week. Every combination of facts has exactly one."""
    legs: set[WeekType] = set()
    for put in facts.puts:
        legs.add(_put_type(put, facts.last_price, rules))
        if _is_deep(put, rules):
            legs.add(WeekType.DEEP_DRAWDOWN)
    legs.update(_call_types(facts, rules))
    if not legs:
        legs.add(WeekType.IDLE)
    ordered = tuple(kind for kind in WeekType if kind in legs)
    return Classification(ordered[0], ordered)


def _is_deep(put: PutLeg, rules: WeekTypeRules) -> bool:
    if put.lowest_close is None:
        return False
    return is_under(put.lowest_close, put.strike, rules.deep_drawdown)


def _put_type(put: PutLeg, last_price: Decimal | None, rules: WeekTypeRules) -> WeekType:
    if put.end is PutEnd.ROLLED:
        return WeekType.PUT_ROLLED
    if put.end in (PutEnd.ASSIGNED, PutEnd.CASH_SETTLED, PutEnd.BOUGHT_BACK_AT_A_LOSS):
        if last_price is not None and is_under(last_price, put.strike, rules.assigned_within):
            return WeekType.ASSIGNED_OVER_LIMIT
        return WeekType.ASSIGNED_WITHIN_LIMIT
    return WeekType.EXPIRED_WORTHLESS


def _call_types(facts: WeekFacts, rules: WeekTypeRules) -> set[WeekType]:
    types: set[WeekType] = set()
    called_away = [call for call in facts.calls if call.end is CallEnd.CALLED_AWAY]
    basis = facts.adjusted_basis
    last = facts.last_price
    if facts.held_shares and last is not None and basis is not None and basis > 0:
        if is_under(last, basis, rules.recovery):
            types.add(WeekType.RECOVERY)
        elif is_under(last, basis, rules.rolled):
            types.add(WeekType.CALL_ROLLED)
    if any(call.sold_in_recovery for call in facts.calls):
        types.add(WeekType.RECOVERY)
    if any(call.end is CallEnd.ROLLED for call in facts.calls):
        types.add(WeekType.CALL_ROLLED)
    for call in called_away:
        reference = basis if call.adjusted_basis is None else call.adjusted_basis
        strong = (
            last is not None
            and reference is not None
            and (reference <= 0 or last > reference * (1 + Decimal(str(rules.strong))))
        )
        types.add(WeekType.STRONG_APPRECIATION if strong else WeekType.APPRECIATION)
    if facts.held_shares or any(call.end is not CallEnd.CALLED_AWAY for call in facts.calls):
        types.add(WeekType.PREMIUM_ONLY)
    return types
