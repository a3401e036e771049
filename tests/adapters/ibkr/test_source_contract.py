"""Interactive Brokers is a market data source like every other."""

from datetime import UTC, date, timedelta

import pytest

from alluse_assets.base.calendar import trading_calendar
from alluse_assets.market_data.source import ChainScope
from tests.adapters.ibkr.conftest import MakeSource
from tests.adapters.ibkr.gateway import ScriptedGateway
from tests.adapters.ibkr.scripted_market import Bar, Quote
from tests.adapters.source_contract import PastRange, SourceCase, SourceContract

_START, _END = date(2026, 11, 9), date(2026, 11, 18)


@pytest.fixture
def case(gateway: ScriptedGateway, make_source: MakeSource) -> SourceCase:
    calendar, market = trading_calendar(), gateway.market
    for symbol, price in (("AAPL", 200.0), ("MSFT", 400.0)):
        share = market.share(symbol, Quote(price - 0.05, price + 0.05, last=price))
        sessions = calendar.sessions(date(2026, 10, 1), date(2026, 11, 19))
        market.set_bars(share, "1 day", [Bar(day, price, price + 1, price - 1, price) for day in sessions])
        starts = [calendar.open_time(day) + n * timedelta(minutes=30) for day in sessions for n in range(13)]
        market.set_bars(
            share, "30 mins", [Bar(at.astimezone(UTC), price, price + 1, price - 1, price) for at in starts]
        )
        for right in "CP":
            for strike in (price - 10, price, price + 10):
                quote = Quote(1.0, 1.1, last=1.05, volume=12)
                market.option(share, date(2026, 11, 27), right, strike, quote)
    wanted = PastRange(["AAPL", "MSFT"], _START, _END)
    return SourceCase(
        make_source(),
        {"bars": wanted, "intraday_bars": wanted},
        {"share_quotes": ["AAPL", "MSFT"], "option_quotes": ["AAPL", "MSFT"]},
        scope=ChainScope(30, 1),
    )


class TestIbkrSource(SourceContract):
    """Through the real library, against a scripted gateway."""
