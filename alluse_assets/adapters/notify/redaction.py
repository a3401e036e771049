"""Keeps a channel's address out of what is told about it: its URL holds tokens and passwords."""

from __future__ import annotations

import re
from urllib.parse import unquote

HIDDEN = "[hidden]"
_SHORTEST = 3
_LONGEST_TEXT = 300


def without_address(text: str, url: str) -> str:
    """``text`` on one short line, with every part of ``url`` but its scheme hidden."""
    rest = url.partition("://")[2] or url
    parts = {part for form in (rest, unquote(rest)) for part in (form, *re.split(r"[/:@?&=#,;+\s]+", form))}
    words = sorted((part for part in parts if len(part) >= _SHORTEST), key=len, reverse=True)
    line = " ".join(text.split())
    if words:
        line = re.sub("|".join(map(re.escape, words)), HIDDEN, line, flags=re.IGNORECASE)
    return line if len(line) <= _LONGEST_TEXT else f"{line[: _LONGEST_TEXT - 1]}…"
