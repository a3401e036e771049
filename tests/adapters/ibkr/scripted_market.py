"""What the scripted gateway has to tell: instruments, their quotes, their bars. Written by each test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from tests.adapters.ibkr.wire import Sought


@dataclass(frozen=True)
class Instrument:
    """A listed contract. ``expiry`` is the last trading day, YYYYMMDD; 0 and empty: none."""

    con_id: int
    symbol: str
    sec_type: str = "STK"
    exchange: str = "SMART"
    expiry: str = ""
    strike: float = 0.0
    right: str = ""
    multiplier: str = ""
    local_symbol: str = ""
    trading_class: str = ""

    def fits(self, sought: Sought) -> bool:
        """Whether it is one of those that are described."""
        if sought.con_id:
            return sought.con_id == self.con_id
        return all(
            wanted in ("", 0.0, own)
            for wanted, own in (
                (sought.symbol, self.symbol),
                (sought.sec_type, self.sec_type),
                (sought.expiry, self.expiry),
                (sought.strike, self.strike),
                (sought.right, self.right),
                (sought.local_symbol, self.local_symbol),
                (sought.trading_class, self.trading_class),
            )
        )


@dataclass(frozen=True)
class Quote:
    """What a request for market data brings. ``refusal``: an error instead; ``is_silent``: nothing at all;
    ``notice``: a message with a code that refuses nothing, before the ticks.

    ``ends`` says whether a snapshot is ended; ``data_type`` 1 live, 2 frozen, 3 delayed, 4 delayed-frozen.
    """

    bid: float | None = None
    ask: float | None = None
    bid_size: float = 10
    ask_size: float = 10
    last: float | None = None
    volume: float | None = None
    open_interest: float | None = None
    data_type: int = 1
    refusal: tuple[int, str] | None = None
    notice: tuple[int, str] | None = None
    is_silent: bool = False
    ends: bool = True


@dataclass(frozen=True)
class Bar:
    """A bar; ``at`` is a date for daily ones."""

    at: date | datetime
    open: float
    high: float
    low: float
    close: float
    volume: float = 1000


@dataclass
class ScriptedMarket:
    """Everything that the gateway knows. May be changed while it runs."""

    instruments: list[Instrument] = field(default_factory=list)
    quotes: dict[int, Quote] = field(default_factory=dict)
    bars: dict[tuple[int, str], list[Bar]] = field(default_factory=dict)

    def share(self, symbol: str, quote: Quote | None = None, sec_type: str = "STK") -> Instrument:
        """List a share or index."""
        made = Instrument(self._next_id(), symbol, sec_type, local_symbol=symbol, trading_class=symbol)
        return self._list(made, quote)

    def option(
        self,
        underlying: Instrument,
        expiry: date,
        right: str,
        strike: float,
        quote: Quote | None = None,
        *,
        root: str = "",
        multiplier: str = "100",
        last_trade: date | None = None,
    ) -> Instrument:
        """List an option; ``last_trade`` differs from ``expiry`` where it is settled at the open."""
        name = root or underlying.symbol.replace(" ", "")
        made = Instrument(
            self._next_id(),
            underlying.symbol,
            "OPT",
            expiry=f"{last_trade or expiry:%Y%m%d}",
            strike=strike,
            right=right,
            multiplier=multiplier,
            local_symbol=f"{name:<6}{expiry:%y%m%d}{right}{round(strike * 1000):08d}",
            trading_class=name,
        )
        return self._list(made, quote)

    def found(self, sought: Sought) -> list[Instrument]:
        """The instruments that a description fits."""
        return [instrument for instrument in self.instruments if instrument.fits(sought)]

    def by_id(self, con_id: int) -> Instrument:
        """One instrument."""
        return next(instrument for instrument in self.instruments if instrument.con_id == con_id)

    def underlying_id(self, instrument: Instrument) -> int:
        """The share or index of an option."""
        return next(
            i.con_id for i in self.instruments if i.symbol == instrument.symbol and i.sec_type != "OPT"
        )

    def change(self, instrument: Instrument, **changes: object) -> Quote:
        """Replace parts of a quote."""
        self.quotes[instrument.con_id] = replace(self.quotes[instrument.con_id], **changes)  # type: ignore[arg-type]
        return self.quotes[instrument.con_id]

    def set_bars(self, instrument: Instrument, size: str, bars: Iterable[Bar]) -> None:
        """Give an instrument bars of a size, such as ``1 day``."""
        self.bars[instrument.con_id, size] = list(bars)

    def _next_id(self) -> int:
        return 1000 + len(self.instruments)

    def _list(self, instrument: Instrument, quote: Quote | None) -> Instrument:
        self.instruments.append(instrument)
        if quote is not None:
            self.quotes[instrument.con_id] = quote
        return instrument
