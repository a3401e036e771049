# ruff: noqa: E501 - vendors' lines are as long as they are
"""Small files exactly as vendors write them: their headers, their dates, their blanks. Nothing is invented but prices."""

import gzip
import io
import zipfile
from pathlib import Path

import polars as pl

OPTIONSDX_HEADER = (
    "[QUOTE_UNIXTIME], [QUOTE_READTIME], [QUOTE_DATE], [QUOTE_TIME_HOURS], [UNDERLYING_LAST], [EXPIRE_DATE], "
    "[EXPIRE_UNIX], [DTE], [C_DELTA], [C_GAMMA], [C_VEGA], [C_THETA], [C_RHO], [C_IV], [C_VOLUME], [C_LAST], "
    "[C_SIZE], [C_BID], [C_ASK], [STRIKE], [P_BID], [P_ASK], [P_SIZE], [P_LAST], [P_DELTA], [P_GAMMA], [P_VEGA], "
    "[P_THETA], [P_RHO], [P_IV], [P_VOLUME], [STRIKE_DISTANCE], [STRIKE_DISTANCE_PCT]"
)
OPTIONSDX_LINES = (
    "1638392400, 2021-12-01 16:00, 2021-12-01, 16.000000, 450.440000, 2021-12-03, 1638565200, 2.000000, 0.985740, "
    "0.000470, 0.007560, -0.415280, 0.006070, 3.964130, 12.000000, 147.870000, 300 x 300, 139.610000, 142.100000, "
    "310.000000, 0.000000, 0.010000, 0 x 4522, 0.030000, 0.000000, 0.000030, 0.000430, -0.004940, 0.000000, "
    "2.521350, , 140.400000, 0.312000",
    "1638392400, 2021-12-01 16:00, 2021-12-01, 16.000000, 450.440000, 2021-12-17, 1639774800, 16.000000, 0.51, "
    "0.01, 0.2, -0.2, 0.1, 0.28, 1204.000000, 11.050000, 10 x 12, 10.900000, 11.200000, 450.000000, 10.410000, "
    "10.600000, 8 x 9, 0.000000, -0.49, 0.01, 0.2, -0.2, -0.1, 0.29, 843.000000, 0.400000, 0.001000",
)
CBOE_HEADER = (
    "underlying_symbol,quote_date,root,expiration,strike,option_type,open,high,low,close,trade_volume,bid_size_1545,"
    "bid_1545,ask_size_1545,ask_1545,underlying_bid_1545,underlying_ask_1545,implied_underlying_price_1545,"
    "active_underlying_price_1545,implied_volatility_1545,delta_1545,gamma_1545,theta_1545,vega_1545,rho_1545,"
    "bid_size_eod,bid_eod,ask_size_eod,ask_eod,underlying_bid_eod,underlying_ask_eod,vwap,open_interest,delivery_code"
)
CBOE_LINES = (
    "SPY,2021-12-01,SPY,2021-12-17,450.000,C,14.5,15.2,9.8,11.05,1204,12,12.30,15,12.50,453.10,453.14,453.11,453.12,"
    "0.27,0.54,0.01,-0.2,0.2,0.1,10,10.90,12,11.20,450.43,450.45,12.2,5310,",
    "^SPX,2021-12-01,SPXW,2021-12-17,4500.000,P,0,0,0,0,0,5,98.10,5,99.00,0,0,4531.0,4530.5,0.25,-0.45,0.001,-1.2,3.1,"
    "-1,4,112.20,4,113.60,0,0,0,8120,",
)
DOLTHUB_HEADER = "date,act_symbol,expiration,strike,call_put,bid,ask,vol,delta,gamma,theta,vega,rho"
DOLTHUB_LINES = (
    "2021-12-01,AAPL,2021-12-17,165.00,Call,4.10,4.25,0.3121,0.5012,0.0312,-0.1401,0.1432,0.0345",
    "2021-12-01,AAPL,2021-12-17,165.00,Put,4.30,4.45,0.3080,-0.4988,0.0312,-0.1402,0.1432,-0.0345",
)
L2_HEADER = (
    "underlying,underlying_last, exchange,optionroot,optionext,type,expiration,quotedate,strike,last,bid,ask,volume,"
    "openinterest,impliedvol,delta,gamma,theta,vega,optionalias,IVBid,IVAsk"
)
L2_LINES = (
    "AAPL,164.77,*,AAPL211217C00165000,,call,12/17/2021,12/01/2021,165,4.2,4.1,4.25,10522,30112,0.3121,0.5012,"
    "0.0312,-14.01,14.32,AAPL211217C00165000,0.31,0.32",
    'SPX,"4,513.04",*,SPXW211217P04500000,,put,12/17/2021,12/01/2021,"4,500",0,112.2,113.6,0,8120,0.25,-0.45,0.001,'
    "-120,310,SPXW211217P04500000,0.25,0.26",
)
L3_HEADER = (
    "UnderlyingSymbol,UnderlyingPrice,Exchange,OptionSymbol,OptionExt,Type,Expiration,DataDate,Strike,Last,Bid,Ask,"
    "Volume,OpenInterest,IV,Delta,Gamma,Theta,Vega,AKA"
)
L3_LINES = (
    "LUV,61.3,*,LUV210401C00030000,,call,04/01/2021,04/01/2021,30,0,30.6,32.2,0,0,0.3,1,0,0,0,LUV210401C00030000",
)
YAHOO_HEADER = (
    ",contractSymbol,lastTradeDate,strike,lastPrice,bid,ask,change,percentChange,volume,openInterest,"
    "impliedVolatility,inTheMoney,contractSize,currency"
)
YAHOO_LINES = (
    "0,AAPL211217C00165000,2021-12-01 20:59:07+00:00,165.0,4.2,4.1,4.25,-0.3,-6.7,10522.0,30112.0,0.3121,False,REGULAR,USD",
    "1,AAPL211217P00165000,2021-12-01 20:51:44+00:00,165.0,4.35,4.3,4.45,0.2,4.1,,812,0.3080,True,REGULAR,USD",
)
TIDY_BARS_HEADER = "ts,symbol,open,high,low,close,volume"
TIDY_BARS_LINES = (
    "2021-11-30,AAPL,159.99,165.52,159.92,165.30,174048056",
    "2021-12-01,AAPL,167.48,170.30,164.53,164.77,152052116",
    "2021-12-01,SPX,4602.82,4652.94,4510.27,4513.04,",
)
TIDY_QUOTES_HEADER = "quote_ts,underlying,underlying_price,contract_symbol,expiry,right,strike,bid,ask,last,volume,open_interest"
TIDY_QUOTES_LINES = (
    "2021-12-01T21:00:00Z,AAPL,164.77,AAPL  211217C00165000,2021-12-17,C,165,4.1,4.25,4.2,10522,30112",
    "2021-12-01 16:00:00-05:00,AAPL,164.77,AAPL211217P00165000,2021-12-17,P,165,4.3,4.45,,,",
)
VENDORS = {
    "aapl_tidy_bars.csv": (TIDY_BARS_HEADER, TIDY_BARS_LINES),
    "aapl_tidy_quotes.csv": (TIDY_QUOTES_HEADER, TIDY_QUOTES_LINES),
    "spy_eod_202112.txt": (OPTIONSDX_HEADER, OPTIONSDX_LINES),
    "UnderlyingOptionsEODCalcs_2021-12-01.csv": (CBOE_HEADER, CBOE_LINES),
    "option_chain.csv": (DOLTHUB_HEADER, DOLTHUB_LINES),
    "L2_20211201.csv": (L2_HEADER, L2_LINES),
    "L3_options_20210401.csv": (L3_HEADER, L3_LINES),
    "aapl_2021-12-01.csv": (YAHOO_HEADER, YAHOO_LINES),
}


def as_csv(header: str, lines: tuple[str, ...]) -> bytes:
    return "".join(f"{line}\n" for line in (header, *lines)).encode()


def write_vendor(folder: Path, name: str, *more: str) -> Path:
    """A vendor's file; ``more``: lines behind its own."""
    header, lines = VENDORS[name]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(as_csv(header, (*lines, *more)))
    return path


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def zipped(entries: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


# Lean: a Friday in June 2014, as in its own sample data. Prices times 10,000, milliseconds of New York.
LEAN_FILES: dict[str, dict[str, str]] = {
    "equity/usa/daily/aapl.zip": {
        "aapl.csv": "20140605 00:00,6462300,6497600,6437500,6473400,75951141\n"
        "20140606 00:00,6499300,6514000,6449700,6455700,87484600\n"
    },
    "equity/usa/minute/aapl/20140606_trade.zip": {
        "20140606_aapl_minute_trade.csv": "14400000,6480000,6480000,6480000,6480000,100\n"
        "34200000,6499300,6505000,6490000,6500000,98000\n34260000,6500000,6510000,6500000,6509000,45000\n"
        "57540000,6456000,6457000,6455000,6455700,250000\n"
    },
    "equity/usa/minute/aapl/20140606_quote.zip": {
        "20140606_aapl_minute_quote.csv": "34200000,6499000,6504000,6489000,6499900,300,6500000,6506000,6491000,6500500,200\n"
        "34260000,6499900,6509000,6499000,6508900,100,6500500,6511000,6500200,6509100,500\n"
    },
    "option/usa/minute/aapl/20140606_quote_american.zip": {
        "20140606_aapl_minute_quote_american_call_6500000_20140621.csv": (
            "34200000,120800,125600,120800,125000,10,122000,126800,122000,127000,100\n"
            "34260000,125000,130000,125000,128000,12,127000,132000,127000,130000,90\n"
        ),
        "20140606_aapl_minute_quote_american_put_6500000_20140621.csv": (
            "34260000,,,,,0,99000,99500,98000,99000,40\n"
            "57540000,99000,99500,98000,98500,4,100000,100500,99000,99500,40\n"
        ),
    },
    "option/usa/minute/aapl/20140606_trade_american.zip": {
        "20140606_aapl_minute_trade_american_call_6500000_20140621.csv": (
            "34200000,126000,126500,126000,126000,5\n34260000,129000,130000,128500,129000,7\n"
        )
    },
    "option/usa/minute/aapl/20140606_openinterest_american.zip": {
        "20140606_aapl_minute_openinterest_american_call_6500000_20140621.csv": "23400000,4321\n"
    },
    "option/usa/daily/aapl_2014_quote_american.zip": {
        "aapl_quote_american_call_6500000_20140719.csv": (
            "20140605 00:00,170000,172000,165000,168000,20,171000,173000,166000,169500,30\n"
            "20140606 00:00,168000,169000,150000,152000,20,169500,170500,151500,153000,30\n"
        )
    },
    "option/usa/daily/aapl_2014_trade_american.zip": {
        "aapl_trade_american_call_6500000_20140719.csv": "20140606 00:00,168500,169500,151000,152500,812\n"
    },
    "option/usa/daily/aapl_2014_openinterest_american.zip": {
        "aapl_openinterest_american_call_6500000_20140719.csv": "20140605 00:00,700\n20140606 00:00,712\n"
    },
}


def write_lean(root: Path, *names: str) -> Path:
    """A Lean data folder with these of ``LEAN_FILES`` (none named: all)."""
    for name in names or LEAN_FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(zipped(dict(LEAN_FILES[name])))
    return root


def tidy_parquet(folder: Path) -> Path:
    """The tidy quotes with types, as Parquet."""
    frame = pl.DataFrame(
        {
            "underlying": ["AAPL", "AAPL", "AAPL"],
            "underlying_price": [164.77] * 3,
            "contract_symbol": ["AAPL211217C00165000", "AAPL211217P00165000", "AAPL211217P00160000"],
            "right": ["C", "P", "P"],
            "strike": [165.0, 165.0, 160.0],
            "bid": [4.1, 4.3, 2.3],
            "ask": [4.25, 4.45, 2.4],
            "volume": [10522, None, 3],
        }
    ).with_columns(
        quote_ts=pl.datetime(2021, 12, 1, 21, time_zone="UTC", time_unit="us"),
        expiry=pl.date(2021, 12, 17),
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "quotes.parquet"
    frame.write_parquet(path)
    return path
