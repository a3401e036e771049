"""``alluse halt``: the kill switch."""

from __future__ import annotations

from alluse_assets.cli.account_options import (
    AccountOption,
    BookOption,
    JsonOption,
    NameOption,
    WhyOption,
    hold,
)


def halt_command(
    book: BookOption,
    why: WhyOption,
    account: AccountOption = None,
    name: NameOption = "",
    as_json: JsonOption = False,
) -> None:
    """The kill switch: the next look cancels working orders, and nothing is sent until you resume."""
    hold(book, account, "halted", why, name, as_json)
