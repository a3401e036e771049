"""Where one installation keeps its things: one folder, set by ``ALLUSE_HOME``, else ``.alluse`` here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Installation:
    """The folders of an installation. None of them is made by asking for it.

    ``lake_url``: another place for the lake, a folder or ``s3://bucket/prefix``; empty: ``lake`` at home.
    """

    home: Path
    lake_url: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Installation:
        """The installation that the environment names."""
        return cls(
            Path(environ.get("ALLUSE_HOME") or ".alluse").resolve(), environ.get("ALLUSE_LAKE_URL", "")
        )

    @property
    def lake(self) -> Path | str:
        """Parquet history: a folder, or the URL of a bucket."""
        if "://" in self.lake_url:
            return self.lake_url
        return Path(self.lake_url).resolve() if self.lake_url else self.home / "lake"

    @property
    def postgres(self) -> Path:
        """State of the embedded server."""
        return self.home / "postgres"

    @property
    def anchors(self) -> Path:
        """Signed journal heads."""
        return self.home / "anchors"

    @property
    def dagster(self) -> Path:
        """Dagster's home."""
        return self.home / "dagster"

    @property
    def scratch(self) -> Path:
        """What commands put aside while they work; nothing in it outlives its process for long."""
        return self.home / "scratch"

    @property
    def reports(self) -> Path:
        """Pages that people open."""
        return self.home / "reports"

    @property
    def stream(self) -> Path:
        """What the streaming ingester last told."""
        return self.home / "stream"
