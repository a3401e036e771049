"""How a stream is doing: numbers for Prometheus on a port of its own, and a line that others can read.

The line is a small file, swapped in whole, so that ``alluse doctor``, a check in Dagster and a person see the
same; it tells when it was written, because a process that was killed leaves its last one behind.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge

from alluse_assets.base.errors import DataError

FILE_NAME = "stream.json"
# A batch comes every second or so; whoever has not told anything for a minute is not there.
SILENT_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class StreamState:
    """What the stream told last.

    Attributes:
        told_at: ISO instant (UTC) of telling.
        phase: waiting (for a session), streaming, or ended.
        connected: whether the connection stood.
        lag_seconds: age of the newest row when it was kept; None before the first row.
        rows, refused: since the process began.
        missed: messages that were lost or could not be read.
        reconnects: times the connection was made again.
        detail: what it waits for, or why it ended.
    """

    told_at: str
    phase: str
    connected: bool
    lag_seconds: float | None
    rows: int
    refused: int
    missed: int
    reconnects: int
    detail: str = ""

    def is_silent(self, now: datetime) -> bool:
        """Whether it has not been heard of for so long that it must be gone."""
        return now - datetime.fromisoformat(self.told_at) > SILENT_AFTER


class StreamHealth:
    """Counts what a stream does and tells it. One for each process."""

    def __init__(self, folder: Path) -> None:
        """``folder``: where the line is written; made when it is not there."""
        self._path = folder / FILE_NAME
        self.registry = CollectorRegistry()
        self._rows = Counter("alluse_stream_rows", "Rows kept.", ["kind"], registry=self.registry)
        self._refused = Counter("alluse_stream_refused", "Rows refused.", ["kind"], registry=self.registry)
        self._lag = Gauge(
            "alluse_stream_lag_seconds", "Age of the newest row when it was kept.", registry=self.registry
        )
        self._connected = Gauge("alluse_stream_connected", "1 while connected.", registry=self.registry)
        self._reconnects = Gauge(
            "alluse_stream_reconnects", "Times the connection was made again.", registry=self.registry
        )
        self._missed = Gauge("alluse_stream_missed", "Messages lost or unreadable.", registry=self.registry)
        self._told = Gauge(
            "alluse_stream_told_timestamp_seconds", "When it last told anything.", registry=self.registry
        )
        self._kept_total = 0
        self._refused_total = 0
        self._last_lag: float | None = None

    def kept(self, kind: str, rows: int, refused: int, lag_seconds: float | None) -> None:
        """Note what became of a batch's rows of one kind."""
        self._rows.labels(kind).inc(rows)
        self._refused.labels(kind).inc(refused)
        self._kept_total += rows
        self._refused_total += refused
        if lag_seconds is not None:
            self._last_lag = lag_seconds
            self._lag.set(lag_seconds)

    def tell(
        self, now: datetime, phase: str, connected: bool, missed: int, reconnects: int, detail: str = ""
    ) -> StreamState:
        """Write the line and set the gauges."""
        self._connected.set(connected)
        self._missed.set(missed)
        self._reconnects.set(reconnects)
        self._told.set(now.timestamp())
        state = StreamState(
            told_at=now.isoformat(),
            phase=phase,
            connected=connected,
            lag_seconds=self._last_lag,
            rows=self._kept_total,
            refused=self._refused_total,
            missed=missed,
            reconnects=reconnects,
            detail=detail,
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_name(f".{FILE_NAME}.{os.getpid()}")
        temporary.write_text(json.dumps(asdict(state)))
        temporary.replace(self._path)
        return state


def read_state(folder: Path) -> StreamState | None:
    """What a stream told last; None when none has ever run here.

    Raises:
        DataError: there is something that is no such line.
    """
    path = folder / FILE_NAME
    try:
        return StreamState(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path}: no readable state of a stream ({error}); remove the file") from error
