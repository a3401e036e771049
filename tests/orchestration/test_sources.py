"""The sources as a market is wired to them: by its routes, its index options, and the time that it is."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import load
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import SourceError
from alluse_assets.market_data.source import StreamBatch
from alluse_assets.option_chains.tables import RAW_OPTION_QUOTES
from alluse_assets.orchestration.market_steps import MarketSteps
from alluse_assets.orchestration.services import market_source
from alluse_assets.orchestration.sources import routed

CALENDAR = trading_calendar()
FIRST, LAST = date(2024, 6, 1), date(2024, 6, 30)
ENVIRON = {"ALLUSE_ALPACA_KEY_ID": "env:A", "ALLUSE_ALPACA_SECRET_KEY": "env:B", "A": "a", "B": "b"}
"""Keys that nothing is called with here."""


def config_of(folder: Path, routes: str) -> ProtocolConfig:
    (folder / "live.yaml").write_text(
        f"market: {{source: live, routes: {routes}, flat_rate_annual: 0.05}}\n"
        "accounts: {gen: {tickers: [AAPL]}, rev: {tickers: [AAPL]}, com: {tickers: [AAPL]}}\n"
    )
    return load(folder / "live.yaml", {}).config


def test_the_roots_of_index_options_are_routed_by_their_index(tmp_path, monkeypatch):
    config = config_of(tmp_path, "{default: [alpaca], tickers: {SPX: {option_quotes: [ibkr]}}}")
    now = datetime(2024, 6, 3, tzinfo=UTC)
    source = routed(config.market, CALENDAR, Lake(tmp_path / "lake"), ENVIRON, lambda: now)
    assert source.clock() == now
    monkeypatch.setattr(type(source.sources["ibkr"]), "stream", lambda *_: iter([StreamBatch(reconnects=17)]))
    batch = next(source.stream({"option_quotes": ["SPXW240621P05000000", "SPX240621P05000000"]}, 1.0))
    assert batch.reconnects == 17


def test_the_time_is_the_clocks_unless_another_is_given(tmp_path):
    config = config_of(tmp_path, "{default: [files]}")
    source = routed(config.market, CALENDAR, Lake(tmp_path / "lake"), {})
    assert source.clock().tzinfo is UTC
    assert abs((source.clock() - datetime.now(UTC)).total_seconds()) < 60


def test_past_quotes_of_a_market_that_only_looks_are_what_it_kept(tmp_path):
    """Alpaca has no quotes of past options: the chains that were looked at are all there is."""
    config, lake = config_of(tmp_path, "{default: [alpaca]}"), Lake(tmp_path / "lake")
    source = market_source(config, CALENDAR, lake, ENVIRON)
    steps = MarketSteps(lake, config, CALENDAR, source)
    assert steps.collect_quotes(FIRST, LAST).rows == 0
    row = {
        "quote_ts": datetime(2024, 6, 3, 19, 55, tzinfo=UTC),
        "session": date(2024, 6, 3),
        "underlying": "AAPL",
        "underlying_price": 194.0,
        "contract_symbol": "AAPL240621P00190000",
        "expiry": date(2024, 6, 21),
        "right": "P",
        "strike": 190.0,
        "bid": 2.0,
        "ask": 2.1,
        "source": "alpaca-opra",
    }
    lake.write(RAW_OPTION_QUOTES, "live", RAW_OPTION_QUOTES.conform(pl.DataFrame([row])))
    assert steps.collect_quotes(FIRST, LAST).rows == 1


def test_chains_that_are_routed_to_files_alone_are_refused_with_what_to_change(tmp_path):
    config = config_of(tmp_path, "{default: [files]}")
    source = market_source(config, CALENDAR, Lake(tmp_path / "lake"), {})
    assert source is not None
    with pytest.raises(
        SourceError, match=r"AAPL routed to files, which has no snapshot .* kinds\.option_quotes"
    ):
        source.snapshot("option_quotes", ["AAPL"])
