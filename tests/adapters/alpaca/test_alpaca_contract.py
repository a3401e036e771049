from datetime import date

import pytest

from alluse_assets.market_data.source import ChainScope
from tests.adapters.alpaca.conftest import MakeSource
from tests.adapters.source_contract import PastRange, SourceCase, SourceContract


@pytest.fixture
def case(make_source: MakeSource) -> SourceCase:
    first, last = date(2024, 3, 1), date(2024, 3, 5)
    return SourceCase(
        make_source(),
        past={
            "bars": PastRange(["AAPL", "SPY"], first, last),
            "intraday_bars": PastRange(["AAPL", "SPY"], first, last),
            "option_bars": PastRange(["SPY", "AAPL"], first, last),
            "corporate_actions": PastRange(["AAPL", "SPY"], date(2024, 2, 27), date(2024, 3, 15)),
        },
        present={"share_quotes": ["AAPL", "SPY"], "option_quotes": ["AAPL", "SPY"]},
        scope=ChainScope(near_days=10, strikes_each_side=2, leaps_days=(300,)),
    )


class TestAlpaca(SourceContract):
    pass
