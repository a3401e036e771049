"""Deep drawdowns of a symbol and the drawdown pivot of an account (protocol, section 4).

Deep: a close far under a put's strike. Pivot: the unit value far under its high-water mark. Both stop new
puts; what ends them is judged at a close, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from alluse_assets.base.config.model_accounts import AccountRules
from alluse_assets.base.config.model_protection import DrawdownRules
from alluse_assets.base.money import is_under
from alluse_assets.ledger.account_state import AccountState, ShortOption
from alluse_assets.ledger.unit_value import UnitValue


@dataclass(frozen=True, slots=True)
class DeepClose:
    """A close far under the strike of an open put: the deepest of its symbol. Prices in USD per share."""

    symbol: str
    account: str
    contract: str
    close: Decimal
    strike: Decimal

    @property
    def under(self) -> Decimal:
        """How far, as a share of the strike, for people."""
        return (1 - self.close / self.strike).quantize(Decimal("0.0001"))


def deep_closes(
    accounts: Iterable[AccountState],
    ended: Iterable[tuple[str, ShortOption]],
    closes: Mapping[str, Decimal],
    share: float,
) -> dict[str, DeepClose]:
    """Per symbol the put whose strike the close is furthest under, if that is more than ``share``.

    Args:
        accounts: of the book, with what is open after the session.
        ended: what ended in it, by account: a put that a crash closed or assigned tells of the crash, too.
        closes: of the underlyings, USD per share.
        share: how far under the strike is deep.
    """
    found: dict[str, DeepClose] = {}
    still_open = ((account.name, short) for account in accounts for short in account.shorts.values())
    of_session = sorted((*still_open, *ended), key=lambda one: (one[0], one[1].contract.symbol))
    for account, short in of_session:
        close = closes.get(short.underlying)
        if close is None or short.contract.right != "P":
            continue
        strike = short.contract.strike
        known = found.get(short.underlying)
        if is_under(close, strike, share) and (known is None or strike > known.strike):
            found[short.underlying] = DeepClose(
                short.underlying, account, short.contract.symbol, close, strike
            )
    return found


def pivot_begins(value: UnitValue, rules: AccountRules, drawdown: DrawdownRules) -> bool:
    """Whether the unit value has come as far under its mark as the account's kind allows."""
    return drawdown.pivot_enabled and value.unit <= value.high * (1 - Decimal(str(rules.drawdown_pivot)))


def pivot_ends(value: UnitValue, drawdown: DrawdownRules) -> bool:
    """Whether the unit value is within reach of its mark again."""
    return not drawdown.pivot_enabled or (
        value.unit >= value.high * (1 - Decimal(str(drawdown.within_share_of_mark)))
    )
