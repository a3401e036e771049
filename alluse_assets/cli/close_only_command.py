"""``alluse close-only``: an account that only closes until a person resumes."""

from __future__ import annotations

from alluse_assets.cli.account_options import (
    AccountOption,
    BookOption,
    JsonOption,
    NameOption,
    WhyOption,
    hold,
)


def close_only_command(
    book: BookOption,
    why: WhyOption,
    account: AccountOption = None,
    name: NameOption = "",
    as_json: JsonOption = False,
) -> None:
    """Cancel what would open something, and only close until you resume."""
    hold(book, account, "close_only", why, name, as_json)
