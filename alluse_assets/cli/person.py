"""Who answers a book's question, and when: what the command takes from the machine it runs on."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime

from alluse_assets.base.errors import ApprovalError


def own_name() -> str:
    """The operating system's name of the user.

    Raises:
        ApprovalError: it has none.
    """
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError) as error:
        raise ApprovalError("the system does not say who you are: give your name with --as") from error


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)
