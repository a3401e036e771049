from datetime import date

import pytest

from alluse_assets.adapters.sample_market import SampleMarket
from alluse_assets.base.calendar import trading_calendar
from tests.adapters.source_contract import PastRange, SourceCase, SourceContract


@pytest.fixture(scope="module")
def case() -> SourceCase:
    first, last = date(2012, 3, 1), date(2012, 3, 2)
    return SourceCase(
        SampleMarket(trading_calendar()),
        past={
            "bars": PastRange(["AAPL", "MSFT"], first, last),
            "option_quotes": PastRange(["AAPL"], first, last),
            "rates": PastRange([], first, last),
            "corporate_actions": PastRange(["AAPL", "IBM"], date(2012, 8, 8), date(2012, 8, 9)),
        },
    )


class TestSampleMarket(SourceContract):
    pass
