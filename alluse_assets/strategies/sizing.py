"""How many contracts: deployable split over the tickers that passed, capped per symbol (section 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal

from alluse_assets.strategies.candidates import Candidate


def contracts_for_puts(
    deployable: Decimal,
    best: Mapping[str, Candidate],
    ranked: Sequence[Candidate],
    weights: Mapping[str, float] | None,
    max_symbol_share: float,
    multiplier: int,
    first_contract_over_cap: bool,
    max_order_share_of_volume: float,
    size_shares: Mapping[str, Decimal] | None = None,
) -> dict[str, int]:
    """Contracts per option contract to sell; what gets none is left out.

    Args:
        deployable: cash that may be committed, USD.
        best: per ticker that passed, its best candidate.
        ranked: every candidate that passed, best first.
        weights: weight per ticker; None splits evenly.
        max_symbol_share: most of deployable in one symbol.
        multiplier: shares per contract.
        first_contract_over_cap: whether one contract of the best candidate that fits is sold when split
            and caps allow nothing.
        max_order_share_of_volume: largest order as a share of the contract's volume, where known.
        size_shares: per ticker the part of its size that protection leaves, at most 1.
    """
    scale = {symbol: Decimal(str(weights[symbol])) if weights else Decimal(1) for symbol in best}
    total = sum(scale.values(), Decimal(0))
    cap = deployable * Decimal(str(max_symbol_share))
    sized: dict[str, int] = {}
    for symbol, candidate in best.items():
        money = min(deployable * scale[symbol] / total, cap)
        count = int((money / (candidate.strike * multiplier)).to_integral_value(ROUND_FLOOR))
        if size_shares:
            count = int((count * size_shares.get(symbol, Decimal(1))).to_integral_value(ROUND_FLOOR))
        count = limit_by_volume(count, candidate, max_order_share_of_volume)
        if count:
            sized[candidate.contract] = count
    if not sized and first_contract_over_cap:
        for candidate in ranked:
            if size_shares and size_shares.get(candidate.symbol, Decimal(1)) < 1:
                continue  # Half of one contract is none.
            if candidate.strike * multiplier <= deployable:
                return {candidate.contract: 1}
    return sized


def limit_by_volume(count: int, candidate: Candidate, max_share: float) -> int:
    """``count``, at most the allowed share of the contract's volume where that is known."""
    if candidate.volume is None:
        return count
    return min(count, int(candidate.volume * Decimal(str(max_share))))
