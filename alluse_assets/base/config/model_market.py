"""Configuration: which market is read, how its mode is judged, what a week is called afterwards.

Protocol sections 3 and 5.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from alluse_assets.base.config.model_fields import (
    AsTuple,
    ConfigModel,
    DeltaPoints,
    Share,
    Ticker,
    Tickers,
    Usd,
    refuse,
)

Rate = Annotated[float, Field(ge=-0.05, le=0.5)]
"""Continuously compounded, a year."""


class IndexOptions(ConfigModel):
    """Cash-settled, European options of one index. AM-settled roots are known, and never opened."""

    pm_roots: Tickers = Field(description="Option roots settled at the close of the expiry date")
    am_roots: Tickers = Field(default=(), description="Option roots settled at the open; never opened")
    extra_minutes_after_close: int = Field(
        default=15, ge=0, le=120, description="Minutes that these options trade on after the shares' close"
    )
    tick_low_usd: Usd = Field(
        default=Decimal("0.05"), gt=0, description="Tick below execution.tick_boundary_usd"
    )
    tick_high_usd: Usd = Field(
        default=Decimal("0.10"), gt=0, description="Tick from execution.tick_boundary_usd on"
    )

    @model_validator(mode="after")
    def _roots_are_one_style(self) -> IndexOptions:
        both = sorted(set(self.pm_roots) & set(self.am_roots))
        refuse([(("pm_roots", "am_roots"), f"{', '.join(both)} is also in am_roots")] if both else [])
        return self


SourceName = Literal["alpaca", "ibkr", "files", "sample"]
KindName = Literal[
    "bars",
    "intraday_bars",
    "share_quotes",
    "option_quotes",
    "option_bars",
    "rates",
    "corporate_actions",
    "earnings_dates",
]
SourceOrder = Annotated[tuple[SourceName, ...], AsTuple]
"""Sources in the order in which they are asked; the next one fills what the one before does not have."""


class RouteRules(ConfigModel):
    """Which source is asked for what. The most particular order counts: ticker, then kind, then default."""

    default: SourceOrder = Field(default=(), description="Sources of everything that is not named below")
    kinds: dict[KindName, SourceOrder] = Field(default_factory=dict, description="Sources by kind of data")
    tickers: dict[Ticker, dict[KindName, SourceOrder]] = Field(
        default_factory=dict, description="Sources by symbol and kind of data"
    )

    @property
    def names(self) -> frozenset[SourceName]:
        """Every source that is named anywhere."""
        orders = [self.default, *self.kinds.values(), *(o for t in self.tickers.values() for o in t.values())]
        return frozenset(name for order in orders for name in order)


class ChainRules(ConfigModel):
    """Which contracts of a live chain are asked for, and when."""

    near_days: int = Field(
        default=30, ge=0, le=400, description="Expiries up to this many days away, all of them"
    )
    strikes_each_side: int = Field(
        default=20, ge=1, le=1000, description="Strikes asked for on each side of the spot"
    )
    leaps_days: Annotated[tuple[int, ...], AsTuple] = Field(
        default=(365, 456, 548),
        description="LEAPS tenors: the listed expiry nearest to each of these days away is asked for too",
    )
    minutes_after_open: int = Field(
        default=15, ge=0, le=180, description="The opening chain is taken this long after the open"
    )
    minutes_before_close: int = Field(
        default=5, ge=0, le=180, description="The closing chain is taken this long before the close"
    )
    snapshot_tickers: Tickers = Field(
        default=(), description="Tickers whose premiums are taken through the session; empty: all traded"
    )
    snapshot_minutes: int = Field(default=30, ge=1, le=390, description="Minutes between premium snapshots")


class QualityRules(ConfigModel):
    """How far option quotes may be apart before they are not believed."""

    stale_seconds: float = Field(
        default=3600, gt=0, le=86_400, description="Age of a bid or ask from which it is stale, if known"
    )
    parity_share: Share = Field(
        default=0.01, description="Room for parity and bounds beyond the spreads, as a share of the spot"
    )
    carry_annual: Share = Field(
        default=0.10, description="Interest and dividends a year that parity and bounds leave open"
    )
    repeated_share: Share = Field(
        default=0.9, description="Share of contracts with the session before's values: the chain is repeated"
    )
    repeated_contracts: int = Field(
        default=10, ge=2, le=10_000, description="Contracts in common from which a chain can be repeated"
    )


class MarketConfig(ConfigModel):
    """Where prices come from, and what stands in for what the source does not have."""

    source: Literal["sample", "files", "live"] = Field(
        default="sample",
        description="sample: the built-in, model-priced market; files: what was ingested; live: by routes",
    )
    routes: RouteRules = Field(default=RouteRules(), description="Which source is asked, for source live")
    chains: ChainRules = Field(default=ChainRules(), description="Live chains: which contracts, and when")
    quality: QualityRules = Field(default=QualityRules(), description="When option quotes are believed")
    hot_days: int = Field(
        default=90,
        ge=7,
        le=3650,
        description="Days that streamed quotes and bars stay in the hot store; the lake keeps all",
    )
    mode_symbol: Ticker = Field(default="SPY", description="Symbol that the market mode is judged on")
    vix_symbol: Ticker = Field(default="VIX", description="Symbol of the volatility index")
    flat_rate_annual: Rate | None = Field(
        default=None, description="Interest rate a year for sources without rates; empty: the source's own"
    )
    dividend_yields: dict[Ticker, Rate] = Field(
        default_factory=dict, description="Dividend yield a year by symbol, where the source has no dividends"
    )
    index_options: dict[Ticker, IndexOptions] = Field(
        default_factory=lambda: {"SPX": IndexOptions(pm_roots=("SPXW",), am_roots=("SPX",))},
        description="Underlyings whose options settle in cash, with their option roots",
    )
    max_stale_price_sessions: int = Field(
        default=5,
        ge=0,
        le=60,
        description="Sessions that the last price of a held share stands in for none; then the book stops",
    )
    warm_up_sessions: int = Field(
        default=260, ge=0, le=2600, description="Sessions of bars needed before the first session"
    )

    @model_validator(mode="after")
    def _live_has_routes(self) -> MarketConfig:
        unrouted = self.source == "live" and not self.routes.names
        refuse(
            [(("routes",), "source is live: name a source, such as alpaca, in default")] if unrouted else []
        )
        return self


class DeltaShift(ConfigModel):
    """How far each mode moves both ends of the put band, in delta points."""

    green: float = Field(default=0, ge=-50, le=50, description="Delta points in a Green week")
    red: float = Field(default=-5, ge=-50, le=50, description="Delta points in a Red week")
    chop: float = Field(default=-10, ge=-50, le=50, description="Delta points in a Chop week")


class MarketModeRules(ConfigModel):
    """Green, Red or Chop: the guess before the week and the confirmation after it."""

    threshold: float = Field(
        default=0.35,
        gt=0,
        le=5,
        description="|m| from which a week has a direction; m is in ATR x root sessions",
    )
    path_efficiency: Share = Field(default=0.3, description="Least |net move| / sum of |daily moves|")
    guess_weeks: int = Field(default=4, ge=1, le=52, description="Trailing weeks that the guess looks at")
    atr_window: int = Field(
        default=14, ge=2, le=250, description="Sessions of Wilder's ATR, wherever ATR is used"
    )
    delta_shift: DeltaShift = Field(default=DeltaShift(), description="Shift of the put band by mode")
    delta_floor: DeltaPoints = Field(default=10, description="Delta points under which no shift goes")


class WeekTypeRules(ConfigModel):
    """Edges between the week types. Each is a share of the strike or of the adjusted basis."""

    deep_drawdown: Share = Field(
        default=0.15,
        description="A close this far under a put's strike is a deep drawdown (P-DD, and section 4)",
    )
    assigned_within: Share = Field(
        default=0.05, description="P-AWL up to this far under the strike, else P-AOL"
    )
    recovery: Share = Field(
        default=0.10, description="C-REC when shares are further than this under the basis"
    )
    rolled: Share = Field(
        default=0.05, description="C-RO when held shares are at least this far under the basis"
    )
    strong: Share = Field(
        default=0.05, description="C-WAP+ when called away this far over the basis, else C-WAP"
    )

    @model_validator(mode="after")
    def _edges_ascend(self) -> WeekTypeRules:
        faults = []
        if self.assigned_within >= self.deep_drawdown:
            message = f"{self.assigned_within:g} is not under deep_drawdown {self.deep_drawdown:g}"
            faults.append((("assigned_within", "deep_drawdown"), message))
        if self.rolled >= self.recovery:
            faults.append(
                (("rolled", "recovery"), f"{self.rolled:g} is not under recovery {self.recovery:g}")
            )
        refuse(faults)
        return self
