"""What an error code means for somebody who wanted data: whether to ask again, and what to do."""

import pytest

from alluse_assets.adapters.ibkr.failures import failure, is_no_data

_HISTORY = "Historical Market Data Service error message:"


@pytest.mark.parametrize(
    ("code", "text", "passing", "remedy"),
    [
        (100, "Max rate of messages per second has been exceeded", True, "ask again"),
        (101, "Max number of tickers has been reached", True, "ALLUSE_IBKR_LINES"),
        (162, _HISTORY + "Historical data request pacing violation", True, "ten minutes"),
        (162, _HISTORY + "No market data permissions for NYSE STK", False, "subscribe"),
        (162, _HISTORY + "API historical data query cancelled: 3", True, "ask again"),
        (200, "No security definition has been found for the request", False, "check the symbol"),
        (326, "client id is already in use", True, "ALLUSE_IBKR_CLIENT_ID"),
        (354, "Requested market data is not subscribed", False, "subscribe"),
        (420, "Invalid Real-time Query: pacing violation", True, "ten minutes"),
        (420, "Invalid Real-time Query: no permission", False, "subscribe"),
        (1100, "Connectivity between IB and TWS has been lost", True, "when it is back"),
        (10089, "Requested market data requires additional subscription", False, "MARKET_DATA_TYPE=delayed"),
        (10197, "No market data during competing live session", True, "log out"),
        (9999, "something new", False, "guide"),
    ],
)
def test_an_error_says_whether_to_ask_again_and_what_to_do(
    code: int, text: str, passing: bool, remedy: str
) -> None:
    error = failure(code, text, "bars of AAPL")
    assert error.is_passing is passing
    assert remedy in str(error)
    assert f"bars of AAPL: {code} {text}" in str(error)


def test_no_data_is_an_answer_and_not_an_error() -> None:
    assert is_no_data(162, _HISTORY + "HMDS query returned no data: AAPL@SMART Trades")
    assert not is_no_data(162, _HISTORY + "Historical data request pacing violation")
    assert not is_no_data(200, "no data")
