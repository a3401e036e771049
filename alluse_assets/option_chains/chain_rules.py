"""Screening whole chains: quotes that are sound alone but cannot be true beside the others.

Rules of a row are in ``quotes``; here are those that need the strikes around it, the other right, or the
session before. A row that fails is refused with the rule's name; what the rules cannot judge (too few
strikes, no quote of the session before) passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from alluse_assets.base.config.model_market import QualityRules
from alluse_assets.base.instruments import root_in
from alluse_assets.base.quarantine import Rule, screen
from alluse_assets.option_chains.quote_conflict_kernels import contradicted
from alluse_assets.option_chains.quote_conflicts import RULES as CONFLICT_RULES
from alluse_assets.option_chains.quote_conflicts import contradictory
from alluse_assets.option_chains.tables import OPTION_QUOTES

_SERIES = ("quote_ts", "root", "expiry")
_DAYS_A_YEAR = 365


RULES = (
    "stale_quote",
    "locked_market",
    "zero_bid_in_the_money",
    "above_upper_bound",
    "below_intrinsic",
    "repeated_chain",
    "not_monotone",
    "above_width",
    "not_convex",
    "off_parity",
)
"""Ids of the rules here: what they refused is judged anew whenever a chain is."""


def screen_chains(
    quotes: pl.DataFrame,
    before: pl.DataFrame,
    european_underlyings: frozenset[str],
    limits: QualityRules,
    source: str,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split ``quotes`` into good rows (of OPTION_QUOTES) and refused ones (of QUARANTINE).

    Args:
        quotes: whole chains, each row already sound by itself.
        before: the latest snapshot before them, for chains that are only repeated; may be empty.
        european_underlyings: underlyings whose options are exercised at expiry only; the others' parity
            is an inequality and is given more room.
        limits: how far apart is too far.
        source: written on refused rows.
    """
    frame = quotes.with_columns(root=root_in(pl.col("contract_symbol"))).with_row_index("place")
    alone = _quote_rules(limits)
    flags: dict[str, Sequence[int]] = {"repeated_chain": _repeated(frame, before, limits)}
    # A quote that is already known to be wrong must not make another one look wrong.
    sound = _without(frame.filter(~pl.any_horizontal(rule.broken.fill_null(False) for rule in alone)), flags)
    flags |= _inconsistent(sound, limits)
    flags["off_parity"] = _off_parity(_without(sound, flags), european_underlyings, limits)
    texts = {
        "repeated_chain": "the chain is not the one of the session before, value by value",
        "not_monotone": "a better strike is not offered for less than a worse one is bid for",
        "above_width": "two strikes' spread is not bid for at more than they are apart",
        "not_convex": "the bid is not above what strikes around it can be bought for together",
        "off_parity": "call, put and forward agree as far as spreads, interest and dividends allow",
    }
    rules = [
        *alone,
        *(
            Rule(name, texts[name], pl.int_range(pl.len()).is_in(list(places)))
            for name, places in flags.items()
        ),
    ]
    return screen(quotes, quotes, OPTION_QUOTES, rules, source)


def _without(frame: pl.DataFrame, flags: Mapping[str, Sequence[int]]) -> pl.DataFrame:
    places = [place for found in flags.values() for place in found]
    return frame.filter(pl.col("place").is_in(places).not_()) if places else frame


def _quote_rules(limits: QualityRules) -> list[Rule]:
    spot, strike, bid, ask = (pl.col(name) for name in ("underlying_price", "strike", "bid", "ask"))
    is_call = pl.col("right") == "C"
    intrinsic = pl.when(is_call).then(spot - strike).otherwise(strike - spot)
    years = (pl.col("expiry") - pl.col("session")).dt.total_days() / _DAYS_A_YEAR
    # The spot may be of another second, and a European option may be worth less than its payoff now.
    room = limits.parity_share * spot + limits.carry_annual * years * pl.max_horizontal(spot, strike)
    return [
        Rule(
            "stale_quote",
            f"bid and ask were set within {limits.stale_seconds:g} seconds",
            pl.col("age_seconds") > limits.stale_seconds,
        ),
        Rule("locked_market", "the bid is below the ask", (bid == ask) & (bid > 0)),
        Rule(
            "zero_bid_in_the_money",
            "somebody bids for what is worth exercising",
            (bid == 0) & (intrinsic > room),
        ),
        Rule(
            "above_upper_bound",
            "a call is bid for at no more than the share, a put at no more than the strike",
            bid > pl.when(is_call).then(spot + limits.parity_share * spot).otherwise(strike),
        ),
        Rule(
            "below_intrinsic",
            "an option is not offered for less than exercising it gives",
            ask < intrinsic - room,
        ),
    ]


def _repeated(frame: pl.DataFrame, before: pl.DataFrame, limits: QualityRules) -> list[int]:
    """Rows of sessions with the values of the session before: a holiday's, or a feed that stood still."""
    values = ["underlying_price", "bid", "ask", "last", "volume"]
    columns = ["session", "underlying", "contract_symbol", *values]
    all_rows = pl.concat([before.select(columns), frame.select(columns)])
    sessions = (
        all_rows.select("underlying", "session")
        .unique()
        .sort("underlying", "session")
        .with_columns(next_session=pl.col("session").shift(-1).over("underlying"))
    )
    # The last snapshot of a session stands for it.
    last = all_rows.unique(["session", "contract_symbol"], keep="last", maintain_order=True)
    earlier = last.join(sessions, on=["underlying", "session"]).drop("session")
    compared = frame.select(columns).join(
        earlier,
        left_on=["session", "contract_symbol"],
        right_on=["next_session", "contract_symbol"],
        suffix="_before",
    )

    def unchanged(*names: str) -> pl.Expr:
        return pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in names)

    # Trades tell best: nobody trades the same number twice. Quotes only where trades are not known, and
    # then not those at nothing bid, which stay so for days.
    same = (
        pl.when(pl.col("volume") > 0)
        .then(unchanged("underlying_price", "last", "volume"))
        .when(pl.col("volume").is_null() & (pl.col("bid") > 0))
        .then(unchanged("underlying_price", "bid", "ask"))
    )
    verdict = (
        compared.with_columns(same=same)
        .filter(pl.col("same").is_not_null())
        .group_by("session", "underlying")
        .agg(share=pl.col("same").mean(), contracts=pl.len())
        .filter(pl.col("share") >= limits.repeated_share, pl.col("contracts") >= limits.repeated_contracts)
    )
    return frame.join(verdict, on=["session", "underlying"], how="semi")["place"].to_list()


def _inconsistent(frame: pl.DataFrame, limits: QualityRules) -> dict[str, list[int]]:
    """Rows to blame for breaches of monotonicity, of a spread's width and of convexity, by rule."""
    group = [*_SERIES, "right"]
    strike = pl.col("strike")
    years = (pl.col("expiry") - pl.col("session")).dt.total_days() / _DAYS_A_YEAR
    ordered = frame.select(
        "place",
        *group,
        "bid",
        "ask",
        # Puts from above: along this, calls and puts both get cheaper.
        reach=pl.when(pl.col("right") == "C").then(strike).otherwise(-strike),
        # A spread pays its width at the expiry; no rate is known here, and it may be below zero.
        stretch=1 + limits.carry_annual * years,
    ).sort(*group, "reach")
    begins = ordered.select(
        pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in group)
    )
    starts = np.append(np.flatnonzero(begins.to_series().to_numpy()), ordered.height)
    reach, bid, ask, stretch = (ordered[name].to_numpy() for name in ("reach", "bid", "ask", "stretch"))
    broken = np.zeros(starts.size - 1, np.bool_)
    contradicted(reach, bid, ask, stretch, starts, broken)
    found: dict[str, list[int]] = {rule: [] for rule in CONFLICT_RULES}
    for series in np.flatnonzero(broken):
        first, end = int(starts[series]), int(starts[series + 1])
        own = slice(first, end)
        for at, rule in sorted(contradictory(reach[own], bid[own], ask[own], stretch[first]).items()):
            found[rule].append(ordered["place"][first + at])
    return found


def _off_parity(
    frame: pl.DataFrame, european_underlyings: frozenset[str], limits: QualityRules
) -> Sequence[int]:
    """Calls and puts of one strike whose forward is not that of the strikes around the money.

    Each pair says a forward, strike plus call less put; near the money their median is taken for true.
    """
    sides = ["place", *_SERIES, "strike", "bid", "ask"]
    calls = frame.filter(pl.col("right") == "C").select(*sides, "session", "underlying", "underlying_price")
    puts = frame.filter(pl.col("right") == "P").select(sides)
    pairs = calls.join(puts, on=[*_SERIES, "strike"], suffix="_put")
    spot, strike = pl.col("underlying_price"), pl.col("strike")
    years = (pl.col("expiry") - pl.col("session")).dt.total_days() / _DAYS_A_YEAR
    spread = (pl.col("ask") - pl.col("bid") + pl.col("ask_put") - pl.col("bid_put")) / 2
    forward = strike + (pl.col("bid") + pl.col("ask") - pl.col("bid_put") - pl.col("ask_put")) / 2
    near = ((strike / spot) - 1).abs() < 0.1
    is_american = pl.col("underlying").is_in(sorted(european_underlyings)).not_()
    room = (
        spread
        + limits.parity_share * spot
        + limits.carry_annual
        * years
        * ((strike - spot).abs() + pl.when(is_american).then(strike).otherwise(0))
    )
    judged = pairs.with_columns(forward=forward, room=room, near=near).with_columns(
        middle=pl.col("forward").filter(pl.col("near")).median().over(_SERIES),
        known=pl.col("near").sum().over(_SERIES),
    )
    off = judged.filter(pl.col("known") >= 3, (pl.col("forward") - pl.col("middle")).abs() > pl.col("room"))
    return [*off["place"], *off["place_put"]]
