"""Our names and the gateway's: shares, indices and options, both ways.

We say ``BRK.B`` where the gateway says ``BRK B``. An option's name is its OCC symbol, which the gateway
calls its local symbol and pads with spaces. Which contracts are asked for is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from alluse_assets.base.errors import DataError
from alluse_assets.base.instruments import OptionContract, parse_occ_symbol, root_of

if TYPE_CHECKING:
    from ib_async import Contract, ContractDetails

# Where the gateway lists each index. Others are taken for shares, and so are refused as unknown there.
INDEX_EXCHANGES = {
    "SPX": "CBOE",
    "XSP": "CBOE",
    "VIX": "CBOE",
    "NDX": "NASDAQ",
    "XND": "NASDAQ",
    "RUT": "RUSSELL",
    "DJX": "CBOE",
    "OEX": "CBOE",
    "XEO": "CBOE",
}
_STANDARD_MULTIPLIER = "100"


@dataclass(frozen=True, slots=True)
class ListedOption:
    """An option as both sides know it."""

    underlying: str
    named: OptionContract
    contract: Contract


def underlying_contract(symbol: str) -> Contract:
    """What to ask the gateway for: an index where it is one, else a share on its smart routing."""
    from ib_async import Index, Stock

    if symbol in INDEX_EXCHANGES:
        return Index(symbol, INDEX_EXCHANGES[symbol], "USD")
    return Stock(symbol.replace(".", " "), "SMART", "USD")


def options_of_expiry(symbol: str, trading_class: str, expiry: str) -> Contract:
    """Every strike and right of one expiry (``YYYYMMDD``) and class, in one request."""
    from ib_async import Contract

    return Contract(
        secType="OPT",
        symbol=symbol.replace(".", " "),
        lastTradeDateOrContractMonth=expiry,
        exchange="SMART",
        currency="USD",
        tradingClass=trading_class,
    )


def option_contract(contract_symbol: str) -> Contract:
    """One option by its OCC symbol.

    Raises:
        DataError: it is none.
    """
    from ib_async import Contract

    named = parse_occ_symbol(contract_symbol)
    return Contract(secType="OPT", localSymbol=named.padded_symbol, exchange="SMART", currency="USD")


def our_symbol(ib_symbol: str) -> str:
    """``BRK.B`` for the gateway's ``BRK B``."""
    return ib_symbol.replace(" ", ".")


def is_standard_class(symbol: str, trading_class: str, multiplier: str) -> bool:
    """Whether options of this class deliver 100 of ``symbol`` and nothing else.

    A class after a split, merger or special dividend has a digit in its root (``AAPL1``) or another
    multiplier. An index has one class settled at the open and others settled at the close.
    """
    root = root_of(symbol)
    roots = {root, f"{root}W", f"{root}P"} if symbol in INDEX_EXCHANGES else {root}
    return multiplier == _STANDARD_MULTIPLIER and trading_class in roots


def listed_options(details: Iterable[ContractDetails]) -> tuple[list[ListedOption], int]:
    """The standard contracts among ``details``, and how many others there were.

    Others are adjusted contracts, and those whose parts contradict their OCC symbol.
    """
    kept: list[ListedOption] = []
    skipped = 0
    for detail in details:
        option = _listed(detail)
        if option is None:
            skipped += 1
        else:
            kept.append(option)
    return kept, skipped


def expiry_date(text: str) -> date:
    """The date of the gateway's ``YYYYMMDD``.

    Raises:
        DataError: it is none.
    """
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError as error:
        raise DataError(f"Interactive Brokers: {text!r} is no date of an expiry") from error


def _listed(detail: ContractDetails) -> ListedOption | None:
    contract = detail.contract
    if contract is None:
        return None
    try:
        named = parse_occ_symbol(contract.localSymbol)
    except DataError:
        return None
    underlying = our_symbol(detail.underSymbol or contract.symbol)
    agrees = contract.right[:1] == named.right and abs(float(named.strike) - contract.strike) < 0.0005
    if not agrees or not is_standard_class(underlying, named.root, contract.multiplier):
        return None
    contract.exchange = "SMART"
    return ListedOption(underlying, named, contract)
