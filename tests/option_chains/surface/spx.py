"""Real SPX chains of a few sessions, with and without the forwards they imply."""

from functools import cache

import polars as pl

from alluse_assets.option_chains.chains import enrich, with_terms
from alluse_assets.option_chains.surface.forwards import implied_forwards
from alluse_assets.option_chains.tables import OPTION_QUOTES
from tests.paths import SHARED

SPX_FILE = SHARED / "data" / "spx_option_chains_2019.parquet"
YIELDS = {"SPX": 0.019}
EUROPEAN = frozenset({"SPX"})
RATES = pl.DataFrame(
    {"ts": ["2019-01-02"], "tenor_days": [30], "rate_annual": [0.024], "source": ["test"]},
    schema_overrides={"tenor_days": pl.Int32},
).with_columns(pl.col("ts").str.to_date())


@cache
def spx_quotes(every: int = 7) -> pl.DataFrame:
    """Rows of option_quotes on every seventh session."""
    rows = pl.read_parquet(SPX_FILE).filter(pl.col("is_session"), pl.col("ask") >= pl.col("bid"))
    session = pl.col("quote_ts").dt.convert_time_zone("America/New_York").dt.date()
    rows = rows.with_columns(session=session, source=pl.lit("cboe delayed"))
    chosen = rows["session"].unique().sort().gather_every(every)
    return OPTION_QUOTES.conform(rows.filter(pl.col("ask") > 0, pl.col("session").is_in(chosen.implode())))


@cache
def spx_forwards() -> pl.DataFrame:
    """Their implied forwards."""
    return implied_forwards(with_terms(spx_quotes(), RATES, YIELDS, EUROPEAN))


@cache
def spx_chains(with_forwards: bool = True) -> pl.DataFrame:
    """The same as option_chains."""
    forwards = spx_forwards() if with_forwards else None
    return enrich(spx_quotes(), RATES, YIELDS, EUROPEAN, forwards=forwards)
