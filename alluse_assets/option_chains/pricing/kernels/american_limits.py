"""What an American option is worth when nothing moves."""

from __future__ import annotations

from alluse_assets.option_chains.pricing.kernels.american_block import as_put
from alluse_assets.option_chains.pricing.kernels.compilation import compiled
from alluse_assets.option_chains.pricing.kernels.elementary import exponential, logarithm
from alluse_assets.option_chains.pricing.kernels.options import Option


@compiled
def riskless_american(option: Option) -> float:
    """American value without volatility, which no volatility brings it below: the best discounted payoff."""
    spot, strike, years, rate, dividend_yield = as_put(option)
    best = max(strike - spot, 0.0)
    best = max(best, strike * exponential(-rate * years) - spot * exponential(-dividend_yield * years))
    if rate != dividend_yield and rate * dividend_yield > 0.0:
        moment = logarithm(rate * strike / (dividend_yield * spot)) / (rate - dividend_yield)
        if 0.0 < moment < years:
            payoff = strike * exponential(-rate * moment) - spot * exponential(-dividend_yield * moment)
            best = max(best, payoff)
    return best
