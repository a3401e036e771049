"""``alluse pause``: no new entries until a person resumes."""

from __future__ import annotations

from alluse_assets.cli.account_options import (
    AccountOption,
    BookOption,
    JsonOption,
    NameOption,
    WhyOption,
    hold,
)


def pause_command(
    book: BookOption,
    why: WhyOption,
    account: AccountOption = None,
    name: NameOption = "",
    as_json: JsonOption = False,
) -> None:
    """No new entries until you resume. What is open is protected and closed as ever."""
    hold(book, account, "paused", why, name, as_json)
