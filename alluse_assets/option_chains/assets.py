"""Option data as assets: quotes as they came, clean quotes, chains with Greeks, forwards, surfaces.

Surface: each asset names its table and the step that makes it. They are every book's, so their keys
have no prefix.
"""

from __future__ import annotations

from alluse_assets.option_chains.surface.tables import IMPLIED_FORWARDS, MODEL_VALUES, SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS, OPTION_QUOTES, RAW_OPTION_QUOTES
from alluse_assets.orchestration.asset_factory import Made, by_month, table_assets
from alluse_assets.orchestration.asset_metadata import Trend
from alluse_assets.orchestration.partitions import SAME_TIME, Span, depends_on
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import TRADING

GROUP = "option_chains"
OWNER = "team:data"


@table_assets(
    Made(RAW_OPTION_QUOTES, "asked of the configured source for every session, and kept as it came."),
    name="raw_option_quotes",
    scope="market",
    stage=TRADING,
    group=GROUP,
    owner=OWNER,
)
def raw_option_quotes(desk: Desk, span: Span) -> dict[str, object]:
    """What the source has of the sessions' months."""
    by_month(desk, span, "option quotes", desk.steps.collect_quotes)
    return {"source": desk.steps.market}


@table_assets(
    Made(
        OPTION_QUOTES,
        "the raw quotes that keep every rule; a row that breaks one goes to quarantine with the rule's name.",
        never_empty=True,
        deps=["raw_option_quotes"],
    ),
    name="option_quotes",
    scope="market",
    stage=TRADING,
    group=GROUP,
    owner=OWNER,
)
def option_quotes(desk: Desk, span: Span) -> dict[str, object]:
    """Raw quotes to clean ones."""
    counts = by_month(desk, span, "clean quotes", desk.steps.validate_quotes)
    return {"rows quarantined": sum(count.quarantined for count in counts)}


@table_assets(
    Made(
        IMPLIED_FORWARDS,
        "for each expiry of European options a robust line through call minus put over strikes; others and "
        "expiries whose quotes tell nothing get the configured rate and yield, with the reason.",
        Trend("residual_usd", label="distance of pairs from one forward, mean, USD"),
        never_empty=True,
        deps=["option_quotes", depends_on("rates", SAME_TIME)],
    ),
    Made(
        OPTION_CHAINS,
        "each clean quote priced: American options along their exercise boundary, index options by "
        "Black-Scholes-Merton, with the rate and dividend yield of the session; index options with those "
        "that their own quotes imply, where they do.",
        Trend("iv_annual", label="implied volatility, mean of all contracts"),
        never_empty=True,
        deps=["option_quotes", "implied_forwards", depends_on("rates", SAME_TIME)],
    ),
    name="option_chains",
    scope="market",
    stage=TRADING,
    group=GROUP,
    owner="team:research",
)
def option_chains(desk: Desk, span: Span) -> None:
    """Quotes to forwards and chains."""
    by_month(desk, span, "implied volatility and Greeks", desk.steps.price_chains)


@table_assets(
    Made(
        SURFACES,
        "out-of-the-money volatilities of each expiry fitted from the longest expiry to the shortest, each "
        "curve free of butterflies and drawn under the next; where SVI cannot, SSVI.",
        Trend("rmse_points", label="distance of curves from quotes, mean of expiries, points of volatility"),
        never_empty=True,
        deps=["option_chains"],
    ),
    Made(
        MODEL_VALUES,
        "contracts that nobody bids for and quotes that rules of whole chains refused, valued at the "
        "surface's volatility.",
        deps=["option_chains", "option_quotes", "surfaces"],
    ),
    name="surfaces",
    scope="market",
    stage=TRADING,
    group=GROUP,
    owner="team:research",
)
def surfaces(desk: Desk, span: Span) -> None:
    """Chains to surfaces, and values on them."""
    by_month(desk, span, "volatility surfaces", desk.steps.fit_surfaces)
