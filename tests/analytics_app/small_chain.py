"""Two days of chains of IBM with their surface, and one of KO without: volatilities lie on known curves."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from alluse_assets.adapters.lake import Lake
from alluse_assets.option_chains.surface.svi import Svi, total_variance
from alluse_assets.option_chains.surface.tables import SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS, PREMIUM_SNAPSHOTS
from alluse_assets.option_chains.time_to_expiry import years_left
from alluse_assets.orchestration.installation import Installation

MONDAY, TUESDAY = date(2024, 6, 3), date(2024, 6, 4)
EXPIRIES = [date(2024, 6, 7), date(2024, 6, 21), date(2024, 7, 19), date(2024, 9, 20), date(2024, 12, 20)]
STRIKES = [80.0 + 5 * place for place in range(9)]
SPOT, RATE = 100.0, 0.05
CURVE = Svi(0.001, 0.02, -0.4, 0.0, 0.1)
MARKET = "files"


def closing(session: date) -> datetime:
    return datetime(session.year, session.month, session.day, 20, tzinfo=UTC)


def chain(
    session: date = MONDAY, underlying: str = "IBM", *, source: str = "vendor", **columns
) -> pl.DataFrame:
    """Every strike and right of every expiry; nobody bids for the highest call of each."""
    at = closing(session)
    frame = (
        pl.DataFrame({"expiry": EXPIRIES})
        .join(pl.DataFrame({"strike": STRIKES}), how="cross")
        .join(pl.DataFrame({"right": ["C", "P"]}), how="cross")
        .with_columns(quote_ts=pl.lit(at), session=pl.lit(session), underlying=pl.lit(underlying))
        .with_columns(years_to_expiry=years_left())
    )
    years = frame["years_to_expiry"].to_numpy()
    k = np.log(frame["strike"].to_numpy() / (SPOT * np.exp(RATE * years)))
    volatility = np.sqrt(total_variance(CURVE.a, CURVE.b, CURVE.rho, CURVE.m, CURVE.sigma, k) / years)
    unbid = (pl.col("right") == "C") & (pl.col("strike") == STRIKES[-1])
    return OPTION_CHAINS.conform(
        frame.with_columns(
            underlying_price=pl.lit(SPOT),
            contract_symbol=pl.format(
                "{}{}{}{}",
                "underlying",
                pl.col("expiry").dt.strftime("%y%m%d"),
                "right",
                (pl.col("strike") * 1000).cast(pl.Int64).cast(pl.String).str.zfill(8),
            ),
            bid=pl.when(unbid).then(0.0).otherwise(1.0),
            ask=pl.lit(1.2),
            source=pl.lit(source),
            dte_days=(pl.col("expiry") - pl.col("session")).dt.total_days(),
            rate_annual=pl.lit(RATE),
            dividend_yield_annual=pl.lit(0.0),
            iv_annual=pl.when(~unbid).then(pl.Series(volatility)),
            iv_status=pl.when(unbid).then(pl.lit("no_quote")).otherwise(pl.lit("ok")),
            delta=pl.when(pl.col("right") == "C").then(0.5).otherwise(-0.5),
            volume=pl.lit(7),
            **{"exercise_style": pl.lit("american"), **columns},
        )
    )


def two_roots() -> pl.DataFrame:
    """An index's chain of one expiry: W's options settle at the close, the others, dearer, at the open."""
    closing_root = chain(underlying="IDX", exercise_style=pl.lit("european")).filter(
        pl.col("expiry") == EXPIRIES[1]
    )
    opening_root = closing_root.filter(pl.col("strike") < STRIKES[-1]).with_columns(
        pl.col("bid", "ask", "iv_annual") + 0.5
    )
    symbol = pl.col("contract_symbol")
    closing_root = closing_root.with_columns(symbol.str.replace("IDX", "IDXW", literal=True))
    return pl.concat([opening_root, closing_root])


def surface(session: date = MONDAY, underlying: str = "IBM") -> pl.DataFrame:
    """The curve that the chain's volatilities lie on, for all expiries but the last, which has none."""
    at = closing(session)
    frame = pl.DataFrame({"expiry": EXPIRIES}).with_columns(
        quote_ts=pl.lit(at), session=pl.lit(session), underlying=pl.lit(underlying)
    )
    fitted = pl.col("expiry") != EXPIRIES[-1]
    parts = {f"svi_{name}": getattr(CURVE, name) for name in ("a", "b", "rho", "m", "sigma")}
    measured = {"lowest_k": -0.2, "highest_k": 0.1, "rmse_points": 0.25, "max_error_points": 0.5}
    return SURFACES.conform(
        frame.with_columns(years_to_expiry=years_left()).with_columns(
            underlying_price=pl.lit(SPOT),
            forward_price=SPOT * (RATE * pl.col("years_to_expiry")).exp(),
            rate_annual=pl.lit(RATE),
            dividend_yield_annual=pl.lit(0.0),
            points_used=pl.when(fitted).then(8).otherwise(0),
            butterfly_free=pl.when(fitted).then(True),
            calendar_free=pl.when(fitted).then(False),
            inside_spread_share=pl.when(fitted).then(0.9),
            fit_status=pl.when(fitted).then(pl.lit("svi")).otherwise(pl.lit("no_points")),
            source=pl.lit("vendor"),
            **{name: pl.when(fitted).then(value) for name, value in (parts | measured).items()},
        )
    )


def snapshots(session: date = TUESDAY, underlying: str = "IBM") -> pl.DataFrame:
    """Three looks half an hour apart at one expiry, dearer by 0.10 USD each."""
    quotes = chain(session, underlying).filter(pl.col("expiry") == EXPIRIES[1])
    looks = [
        quotes.with_columns(
            quote_ts=pl.lit(closing(session) - timedelta(hours=2) + timedelta(minutes=30 * place)),
            bid=pl.when(pl.col("bid") > 0).then(pl.col("bid") + 0.1 * place).otherwise(0.0),
            ask=pl.col("ask") + 0.1 * place,
        )
        for place in range(3)
    ]
    return PREMIUM_SNAPSHOTS.conform(pl.concat(looks).select(PREMIUM_SNAPSHOTS.names))


def write_chains(home: Path, market: str = MARKET) -> Lake:
    """The chains in the lake of the installation at ``home``: IBM on both days, KO on Monday."""
    lake = Lake(Installation(home).lake)
    lake.write(OPTION_CHAINS, market, pl.concat([chain(), chain(TUESDAY), chain(underlying="KO")]))
    lake.write(SURFACES, market, pl.concat([surface(), surface(TUESDAY)]))
    lake.write(PREMIUM_SNAPSHOTS, market, snapshots())
    return lake
