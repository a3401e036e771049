"""Contracts that nobody quotes, valued on the surface of their instant.

A contract is unquoted when nobody bids for it, or when its quote was refused. What comes out has no bid
and no ask, so it cannot pass for a quote: an entry needs a real bid. Pure; quoted rows are not touched.
Contracts that a book holds are valued in the same way by ``marks``, whether a chain has them or not.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from alluse_assets.option_chains.chain_rules import RULES
from alluse_assets.option_chains.pricing.american import american_value
from alluse_assets.option_chains.pricing.european import european_value
from alluse_assets.option_chains.pricing.greeks import greeks
from alluse_assets.option_chains.surface.lookup import lookup
from alluse_assets.option_chains.surface.tables import MODEL_VALUES
from alluse_assets.option_chains.tables import OPTION_QUOTES

CONTRACT = ("quote_ts", "session", "underlying", "contract_symbol", "expiry", "right", "strike", "source")
_DECIMALS = 6
_GAMMA_DECIMALS = 8


def unquoted(
    chains: pl.DataFrame, quarantine: pl.DataFrame, european_underlyings: frozenset[str]
) -> pl.DataFrame:
    """Contracts without a two-sided quote, each once, with ``why``; by the key of table model_values.

    Args:
        chains: rows of option_chains; those without a mid are taken.
        quarantine: rows of table quarantine; those that rules of whole chains refused are taken, as others
            may not even name their contract rightly.
        european_underlyings: underlyings whose options are exercised at expiry only.
    """
    by_chain_rules = (pl.col("table") == OPTION_QUOTES.name) & pl.col("rule").is_in(list(RULES))
    row = pl.Struct({name: OPTION_QUOTES.schema[name] for name in CONTRACT})
    refused = (
        quarantine.filter(by_chain_rules)
        .select(pl.col("row_json").str.json_decode(row))
        .unnest("row_json")
        .join(chains.select("quote_ts", "underlying").unique(), on=["quote_ts", "underlying"], how="semi")
    )
    is_european = pl.col("underlying").is_in(sorted(european_underlyings))
    style = pl.when(is_european).then(pl.lit("european")).otherwise(pl.lit("american"))
    parts = [
        chains.filter(pl.col("mid").is_null()).select(*CONTRACT, why=pl.lit("no_bid")),
        refused.select(*CONTRACT, why=pl.lit("refused")),
    ]
    key = list(MODEL_VALUES.key)
    quoted = chains.filter(pl.col("mid").is_not_null()).select(key)
    return (
        pl.concat(parts)
        .join(quoted, on=key, how="anti")
        .unique(key, keep="first", maintain_order=True)
        .with_columns(exercise_style=style)
        .sort(key)
    )


def fill(contracts: pl.DataFrame, surfaces: pl.DataFrame, threads: int = 1) -> pl.DataFrame:
    """Rows of table model_values, in the order of ``contracts``.

    Args:
        contracts: what ``unquoted`` gives.
        surfaces: rows of table surfaces, of the contracts' instants.
        threads: how many threads share the work; the result does not depend on it.
    """
    if contracts.is_empty():
        return MODEL_VALUES.empty()
    found = lookup(surfaces, contracts).rename({"iv_annual": "surface_iv_annual"})
    frame = contracts.hstack(found.drop("quote_ts", "underlying", "expiry", "strike"))
    option = {
        "spot": frame["underlying_price"].to_numpy(),
        "strike": frame["strike"].to_numpy(),
        "years": frame["years_to_expiry"].to_numpy(),
        "rate": frame["rate_annual"].to_numpy(),
        "dividend_yield": frame["dividend_yield_annual"].to_numpy(),
        "volatility": frame["surface_iv_annual"].to_numpy(),
        "is_call": (frame["right"] == "C").to_numpy(),
    }
    is_american = (frame["exercise_style"] == "american").to_numpy()
    value = np.where(
        is_american, american_value(**option, threads=threads), european_value(**option, threads=threads)
    )
    told = greeks(**option, is_american=is_american, threads=threads)

    def column(values: np.ndarray, decimals: int = _DECIMALS) -> pl.Series:
        return pl.Series(values).round(decimals).fill_nan(None)

    spot, strike = pl.col("underlying_price"), pl.col("strike")
    payoff = pl.when(pl.col("right") == "C").then(spot - strike).otherwise(strike - spot).clip(0.0)
    is_over = pl.col("surface_status") == "zero_time"
    return MODEL_VALUES.conform(
        frame.with_columns(
            model_value=pl.when(is_over).then(payoff.round(_DECIMALS)).otherwise(column(value)),
            delta=column(told.delta),
            gamma=column(told.gamma, _GAMMA_DECIMALS),
            theta_per_day=column(told.theta_per_day),
            vega_per_point=column(told.vega_per_point),
            rho_per_point=column(told.rho_per_point),
        )
    )
