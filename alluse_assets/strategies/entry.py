"""The entry screen: which contracts an account kind may open, and every reason against each other one.

Columnar, and each row judged by itself, so one session live and ten years of a replay are the same
computation. Comparisons are on scaled integers: delta in millionths of a point, prices in
ten-thousandths of a dollar, yields in parts per million.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.instruments import parse_occ_symbol, root_in, root_of_each
from alluse_assets.base.money import price
from alluse_assets.execution.fill_model import PRICE_SCALE, scaled_price, scaled_sell_price
from alluse_assets.option_chains.snapshots import last_snapshots
from alluse_assets.strategies.candidates import CANDIDATES, Candidate, Earnings, Refusal, Screened
from alluse_assets.strategies.entry_calendar import MICRO

_FLOOR_ALONE = pl.col("reasons") == [Refusal.YIELD_UNDER_FLOOR.value]


def screen(
    chains: pl.DataFrame,
    calendar: pl.DataFrame,
    config: ProtocolConfig,
    earnings: Earnings,
    decided_at: pl.Expr | None = None,
) -> pl.DataFrame:
    """All candidates of ``calendar``'s sessions, judged and ranked.

    Args:
        chains: rows of ``option_chains`` of those sessions; the last snapshot of each is screened.
        calendar: what ``entry_calendar`` made.
        config: the configuration in force.
        earnings: known earnings dates.
        decided_at: when the decision is taken; by default each quote's own time, as a replay does.

    Returns:
        A ``CANDIDATES`` frame sorted by session, kind, right, contract and instant.
    """
    rows = (
        _with_reports(last_snapshots(chains).rename({"underlying": "symbol"}), earnings)
        .join(calendar, on=["session", "symbol", "right"], how="inner")
        .filter(
            pl.col("dte_days").is_between(pl.col("dte_low"), pl.col("dte_high")),
            pl.col("only_expiry").is_null() | (pl.col("only_expiry") == pl.col("expiry")),
        )
        .with_columns(
            _bid=scaled_price("bid"),
            _ask=scaled_price("ask"),
            _strike=(pl.col("strike") * 1000).round().cast(pl.Int64),
            _credit=scaled_sell_price(config.paper.price_improvement_share),
            _delta=(pl.col("delta").abs() * 100 * MICRO).round().cast(pl.Int64),
            _root=root_in(pl.col("contract_symbol")),
        )
        # credit / strike in parts per million: both scales cancel to 100,000.
        .with_columns(_yield=pl.col("_credit") * 100_000 // pl.col("_strike"))
        .with_columns(decided_at=pl.col("quote_ts") if decided_at is None else decided_at)
        .with_columns(reasons=_reasons(config))
    )
    ranked = (
        rows.with_columns(
            _distance=_distance("_delta", "low_micro", "high_micro"),
            _passed=pl.col("reasons").list.len() == 0,
        )
        .pipe(_placed, "_passed")
        .with_columns(
            rank=pl.when("_passed").then(pl.col("_place")),
            credit=pl.col("_credit") / PRICE_SCALE,
            delta_points=pl.col("_delta") / MICRO,
            band_low=pl.col("low_micro") / MICRO,
            band_high=pl.col("high_micro") / MICRO,
            premium_yield=pl.col("_yield") / MICRO,
            floor=pl.col("floor_ppm") / MICRO,
        )
        .sort("session", "kind", "right", "contract_symbol", "decided_at")
    )
    return CANDIDATES.conform(ranked)


def _with_reports(rows: pl.DataFrame, earnings: Earnings) -> pl.DataFrame:
    """Beside each row its symbol's last report before the session and the next one from it on."""
    dates = pl.DataFrame(
        [(symbol, day) for symbol, days in sorted(earnings.items()) for day in sorted(days)],
        schema={"symbol": pl.String, "report": pl.Date},
        orient="row",
    )
    sessions = rows.select("session", "symbol").unique().sort("session")
    later = dates.rename({"report": "next_report"}).sort("next_report")
    earlier = dates.with_columns(last_report="report", report=pl.col("report") + pl.duration(days=1))
    # Each is sorted by its date over all symbols, which Polars cannot check by symbol.
    ahead = sessions.join_asof(
        later,
        left_on="session",
        right_on="next_report",
        by="symbol",
        strategy="forward",
        check_sortedness=False,
    )
    known = ahead.join_asof(
        earlier.sort("report"),
        left_on="session",
        right_on="report",
        by="symbol",
        strategy="backward",
        check_sortedness=False,
    )
    return rows.join(known.drop("report"), on=["session", "symbol"], how="left", maintain_order="left")


def _distance(delta: str, low: str, high: str) -> pl.Expr:
    """Twice the distance of the delta from the middle of its band, in millionths of a point."""
    return (2 * pl.col(delta) - pl.col(low) - pl.col(high)).abs()


def _placed(rows: pl.DataFrame, first: str) -> pl.DataFrame:
    """``rows`` with their ``_place`` in their instant, kind and right, best first; ``first`` come first.

    Delta nearest the middle of the band; ties: higher yield, earlier expiry, lower strike, symbol.
    """
    return rows.sort(
        [
            "session",
            "decided_at",
            "kind",
            "right",
            first,
            "_distance",
            "_yield",
            "expiry",
            "_strike",
            "symbol",
        ],
        descending=[False, False, False, False, True, False, True, False, False, False],
        nulls_last=True,
    ).with_columns(_place=pl.int_range(1, pl.len() + 1).over("session", "decided_at", "kind", "right"))


def _refused_by_floor_alone(candidates: pl.DataFrame) -> pl.DataFrame:
    """Those candidates, ranked among themselves as the others are."""

    def scaled(column: str, scale: int) -> pl.Expr:
        return (pl.col(column) * scale).round().cast(pl.Int64)

    return (
        candidates.filter(_FLOOR_ALONE)
        .with_columns(
            _delta=scaled("delta_points", MICRO),
            _low=scaled("band_low", MICRO),
            _high=scaled("band_high", MICRO),
            _yield=scaled("premium_yield", MICRO),
            _strike=scaled("strike", 1000),
            _all=True,
        )
        .with_columns(_distance=_distance("_delta", "_low", "_high"))
        .pipe(_placed, "_all")
        .with_columns(rank=pl.col("_place"))
    )


def _reasons(config: ProtocolConfig) -> pl.Expr:
    entry = config.entry
    mid_twice = pl.col("_bid") + pl.col("_ask")
    spread = pl.col("_ask") - pl.col("_bid")
    wide_share = spread * 2 * MICRO > mid_twice * round(entry.max_spread_share_of_mid * MICRO)
    wide_usd = spread > int(entry.max_spread_usd * PRICE_SCALE)
    thin = pl.col("volume") * round(entry.max_order_share_of_volume * MICRO) < MICRO
    index = config.market.index_options
    am_roots = [root for options in index.values() for root in options.am_roots]
    pm_roots = [root for options in index.values() for root in options.pm_roots]
    is_index = pl.col("symbol").is_in(list(index))
    standard = (
        pl.when(is_index)
        .then(pl.col("_root").is_in(pm_roots + am_roots))
        .otherwise(pl.col("_root") == root_of_each(pl.col("symbol")))
    )
    inside = pl.col("next_report") <= pl.col("expiry")
    quiet = pl.duration(days=entry.days_after_earnings)
    # After a report the next one is months away, so its day need not be known yet.
    known = pl.col("next_report").is_not_null() | (pl.col("last_report") + quiet >= pl.col("expiry"))
    too_old = (
        pl.col("decided_at") - pl.col("quote_ts")
    ).dt.total_milliseconds() > entry.quote_max_age_seconds * 1000
    in_band = pl.col("_delta").is_between(pl.col("low_micro"), pl.col("high_micro"))
    conditions = {
        Refusal.QUOTE_STALE: too_old,
        Refusal.NO_BID: pl.col("_bid") <= 0,
        Refusal.SPREAD_TOO_WIDE: wide_share & wide_usd,
        Refusal.OPEN_INTEREST_LOW: pl.col("open_interest") < entry.min_open_interest,
        Refusal.VOLUME_TOO_THIN: thin,
        Refusal.NOT_STANDARD: ~standard,
        Refusal.AM_SETTLED: is_index & pl.col("_root").is_in(am_roots),
        Refusal.EARNINGS_INSIDE: inside,
        Refusal.EARNINGS_UNKNOWN: known.fill_null(False).not_()
        & ~is_index
        & (entry.earnings_unknown == "refuse"),
        Refusal.NO_DELTA: pl.col("_delta").is_null(),
        Refusal.DELTA_OUT_OF_BAND: ~in_band,
        Refusal.YIELD_UNDER_FLOOR: pl.col("_credit") * 100_000 < pl.col("floor_ppm") * pl.col("_strike"),
    }
    return pl.concat_list(
        [
            pl.when(condition.fill_null(False)).then(pl.lit(reason.value)).otherwise(pl.lit(None, pl.String))
            for reason, condition in conditions.items()
        ]
    ).list.drop_nulls()


def candidates_of(judged: pl.DataFrame) -> tuple[list[Candidate], dict[str, int]]:
    """Those of a screen's rows that passed, best first, and how often each reason refused the others."""
    passed = judged.filter(pl.col("rank").is_not_null()).sort("rank")
    reasons = judged["reasons"].explode().drop_nulls().sort().to_list()
    refused = {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
    return [_candidate(row) for row in passed.iter_rows(named=True)], refused


def screened_by_session(candidates: pl.DataFrame) -> dict[date, dict[tuple[str, str, str], Screened]]:
    """The screen's outcome, per session and (kind, right, symbol), as decisions read it."""
    group = ["session", "kind", "right", "symbol"]
    counts = candidates.group_by(group, maintain_order=True).agg(
        considered=pl.len(),
        floor_alone=_FLOOR_ALONE.sum(),
        reasons=pl.col("reasons").explode().drop_nulls().sort(),
    )
    passed = _best_first(candidates.filter(pl.col("rank").is_not_null()))
    floor_only = _best_first(_refused_by_floor_alone(candidates))
    outcome: dict[date, dict[tuple[str, str, str], Screened]] = {}
    for session, kind, right, symbol, considered, alone, reasons in counts.iter_rows():
        refused: dict[str, int] = {}
        for reason in reasons:
            refused[reason] = refused.get(reason, 0) + 1
        key = (session, kind, right, symbol)
        screened = Screened(
            considered, refused, alone, tuple(passed.get(key, ())), tuple(floor_only.get(key, ()))
        )
        outcome.setdefault(session, {})[(kind, right, symbol)] = screened
    return outcome


def _best_first(ranked: pl.DataFrame) -> dict[tuple[date, str, str, str], list[Candidate]]:
    """Candidates by session, kind, right and symbol."""
    found: dict[tuple[date, str, str, str], list[Candidate]] = {}
    for row in ranked.sort("session", "rank").iter_rows(named=True):
        key = (row["session"], row["kind"], row["right"], row["symbol"])
        found.setdefault(key, []).append(_candidate(row))
    return found


def _candidate(row: Mapping[str, Any]) -> Candidate:
    return Candidate(
        contract=row["contract_symbol"],
        symbol=row["symbol"],
        right=row["right"],
        expiry=row["expiry"],
        strike=parse_occ_symbol(row["contract_symbol"]).strike,
        credit=price(row["credit"]),
        delta_micro=round(row["delta_points"] * MICRO),
        yield_ppm=round(row["premium_yield"] * MICRO),
        rank=row["rank"],
        volume=row["volume"],
    )
