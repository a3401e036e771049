"""OCC option symbols, against published examples and a feed's contracts."""

import json
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from alluse_assets.base.errors import DataError
from alluse_assets.base.instruments import is_option, parse_occ_symbol, root_in, root_of, root_of_each
from tests.paths import KNOWN_ANSWERS

EXAMPLES = json.loads((KNOWN_ANSWERS / "occ_symbols.json").read_text())["published_examples"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["symbol"])
def test_a_published_symbol_reads_and_writes_back(example):
    contract = parse_occ_symbol(example["symbol"])
    assert contract.root == example["root"]
    assert contract.expiry == date.fromisoformat(example["expiry"])
    assert (contract.right, contract.strike) == (example["right"], Decimal(str(example["strike"])))
    written = contract.symbol if example.get("compact") else contract.padded_symbol
    assert written == example["symbol"]


def test_every_contract_of_a_feed_reads_as_the_feed_says():
    feed = pl.read_csv(KNOWN_ANSWERS / "occ_symbols_from_feed.csv", try_parse_dates=True)
    for row in feed.iter_rows(named=True):
        contract = parse_occ_symbol(row["contract_symbol"])
        assert (contract.root, contract.expiry, contract.right) == (
            row["underlying"],
            row["expiry"],
            row["right"],
        )
        assert contract.strike == Decimal(str(row["strike"]))
        assert contract.symbol == row["contract_symbol"]
    assert feed.height == 400


@pytest.mark.parametrize(
    ("symbol", "message"),
    [
        ("AAPL", "no OCC option symbol"),
        ("AAPL110231P00330000", "is no date"),
        ("AAPL110107P00000000", "a strike of zero"),
        ("AAPL110107X00330000", "no OCC option symbol"),
    ],
)
def test_what_is_no_symbol_is_refused(symbol, message):
    with pytest.raises(DataError, match=message):
        parse_occ_symbol(symbol)


def test_a_ticker_is_no_option():
    assert not is_option("AAPL")
    assert is_option("AAPL110107P00330000")


def test_a_share_s_options_trade_under_its_ticker_without_punctuation():
    tickers = ["AAPL", "BRK.B", "BF-B"]
    assert [root_of(one) for one in tickers] == ["AAPL", "BRKB", "BFB"]
    columns = pl.DataFrame({"ticker": tickers, "symbol": ["AAPL110107P00330000", "BRKB110107P00100000", ""]})
    assert columns.select(root_of_each(pl.col("ticker"))).to_series().to_list() == ["AAPL", "BRKB", "BFB"]
    assert columns.select(root_in(pl.col("symbol"))).to_series().to_list() == ["AAPL", "BRKB", ""]
