"""Alpaca's REST interfaces on the loopback, after its published contract, with faults on demand.

Bodies, parameters, paging by ``next_page_token``, limits of a call and error texts are those of Alpaca's
reference: data (bars, snapshots, options, corporate actions) and trading (contracts).
"""

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.adapters.alpaca.market import Market, make_market

KEY_ID, SECRET_KEY = "PKTEST", "loopback-secret"
Params = dict[str, str]


@dataclass
class Fault:
    """What happens instead of an answer. ``cut``: only so many bytes of the true body are sent.

    ``keeps_length``: the header still promises all of a body that is cut.
    """

    status: int = 200
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0
    cut: int | None = None
    keeps_length: bool = False


class Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class RestServer:
    """One server for data and trading; ``page_rows`` makes pages smaller than the caller's limit."""

    def __init__(self) -> None:
        self.market: Market = make_market()
        self.page_rows: int | None = None
        self.circles = False
        self.may_have_recent_sip = False
        self.has_opra = False
        self.calls: list[tuple[str, Params]] = []
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    @contextmanager
    def running(self) -> Iterator["RestServer"]:
        thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()

    def fail_next(self, *faults: Fault) -> None:
        """The next requests meet these faults, one each."""
        with self._lock:
            self._faults += faults

    def paths(self) -> list[str]:
        return [path for path, _ in self.calls]

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        params = dict(parse_qsl(parts.query))
        with self._lock:
            self.calls.append((parts.path, params))
            fault = self._faults.pop(0) if self._faults else Fault()
        time.sleep(fault.delay_seconds)
        status = fault.status
        if fault.body is not None:
            text = fault.body
        elif status != 200:
            text = json.dumps({"message": "too many requests." if status == 429 else "internal server error"})
        else:
            try:
                self._authorize(request)
                text = json.dumps(self._route(parts.path, params))
            except Refusal as refusal:
                status, text = refusal.status, json.dumps({"message": refusal.message})
        body = text.encode()
        sent = body if fault.cut is None else body[: fault.cut]
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body if fault.keeps_length else sent)))
        for name, value in fault.headers.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(sent)
        request.close_connection = True

    def _authorize(self, request: BaseHTTPRequestHandler) -> None:
        keys = (request.headers.get("APCA-API-KEY-ID"), request.headers.get("APCA-API-SECRET-KEY"))
        if keys != (KEY_ID, SECRET_KEY):
            raise Refusal(401, "unauthorized.")

    def _route(self, path: str, params: Params) -> Any:
        routes: dict[str, Callable[[Params], Any]] = {
            "/v2/stocks/bars": self._stock_bars,
            "/v2/stocks/snapshots": self._stock_snapshots,
            "/v1beta1/options/bars": self._option_bars,
            "/v2/options/contracts": self._contracts,
            "/v1/corporate-actions": self._actions,
        }
        if path in routes:
            return routes[path](params)
        if match := re.fullmatch(r"/v1beta1/options/snapshots/([A-Z.]+)", path):
            return self._chain(match.group(1), params)
        raise Refusal(404, "endpoint not found")

    def _stock_bars(self, params: Params) -> Any:
        if params.get("adjustment") != "raw":
            raise Refusal(400, "the tables hold prices as traded")
        end = datetime.fromisoformat(params["end"])
        recent = self.market.now - timedelta(minutes=15)
        if params["feed"] == "sip" and end > recent and not self.may_have_recent_sip:
            raise Refusal(403, "subscription does not permit querying recent SIP data")
        series = {"1Day": self.market.daily, "1Min": self.market.minutes}[params["timeframe"]]
        return self._bars(series, _symbols(params), params)

    def _option_bars(self, params: Params) -> Any:
        symbols = params["symbols"].split(",")
        if len(symbols) > 100:
            raise Refusal(400, "too many symbols requested. symbol_limit = 100")
        if datetime.fromisoformat(params["end"]) > self.market.now - timedelta(minutes=15):
            raise Refusal(403, "OPRA agreement is not signed")
        return self._bars(self.market.option_bars, symbols, params)

    def _bars(self, series: dict[str, list[Any]], symbols: list[str], params: Params) -> Any:
        start, end = (datetime.fromisoformat(params[edge]) for edge in ("start", "end"))
        rows = [
            (symbol, bar)
            for symbol in sorted(symbols)
            for bar in series.get(symbol, [])
            if start <= datetime.fromisoformat(bar["t"][:19] + "+00:00") <= end
        ]
        page, token = self._page(rows, params, 10_000)
        found: dict[str, list[Any]] = {}
        for symbol, bar in page:
            found.setdefault(symbol, []).append(bar)
        return {"bars": found, "next_page_token": token}

    def _stock_snapshots(self, params: Params) -> Any:
        if params.get("feed") == "sip" and not self.may_have_recent_sip:
            raise Refusal(403, "subscription does not permit querying recent SIP data")
        known = self.market.snapshots
        return {symbol: known[symbol] for symbol in _symbols(params) if symbol in known}

    def _chain(self, underlying: str, params: Params) -> Any:
        if params.get("feed") == "opra" and not self.has_opra:
            raise Refusal(403, "OPRA agreement is not signed")
        rows = []
        for contract in self.market.contracts:
            strike, expiry = float(contract["strike_price"]), contract["expiration_date"]
            if (
                contract["underlying_symbol"] == underlying
                and contract["symbol"] in self.market.chains
                and params.get("expiration_date_gte", "") <= expiry
                and expiry <= params.get("expiration_date_lte", "9999")
                and float(params.get("strike_price_gte", 0)) <= strike
                and strike <= float(params.get("strike_price_lte", 1e9))
            ):
                rows.append((contract["symbol"], self.market.chains[contract["symbol"]]))
        page, token = self._page(rows, params, 1000)
        return {"snapshots": dict(page), "next_page_token": token}

    def _contracts(self, params: Params) -> Any:
        rows = [
            contract
            for contract in self.market.contracts
            if contract["underlying_symbol"] in params["underlying_symbols"].split(",")
            and contract["status"] == params.get("status", "active")
            and contract["expiration_date"] >= params.get("expiration_date_gte", "")
        ]
        page, token = self._page(rows, params, 10_000)
        return {"option_contracts": page, "next_page_token": token}

    def _actions(self, params: Params) -> Any:
        rows = [
            (kind, action)
            for kind, actions in self.market.actions.items()
            for action in actions
            if action["symbol"] in params["symbols"].split(",")
            and params["start"] <= action["process_date"] <= params["end"]
        ]
        page, token = self._page(rows, params, 1000)
        found: dict[str, list[Any]] = {}
        for kind, action in page:
            found.setdefault(kind, []).append(action)
        return {"corporate_actions": found, "next_page_token": token}

    def _page(self, rows: list[Any], params: Params, most: int) -> tuple[list[Any], str | None]:
        limit = int(params.get("limit", 100))
        if not 1 <= limit <= most:
            raise Refusal(400, f"invalid limit: must be between 1 and {most}")
        size = min(limit, self.page_rows or limit)
        token = params.get("page_token")
        start = int(base64.b64decode(token)) if token else 0
        past = start + size
        if self.circles and past >= len(rows):
            past = size
        following = base64.b64encode(str(past).encode()).decode() if past < len(rows) else None
        return rows[start : start + size], following


def _symbols(params: Params) -> list[str]:
    symbols = params["symbols"].split(",")
    for symbol in symbols:
        if not re.fullmatch(r"[A-Z]+(\.[A-Z]+)?", symbol):
            raise Refusal(400, f"invalid symbol: {symbol}")
    return symbols
