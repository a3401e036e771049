"""``alluse resume``: ends what a person may end."""

from __future__ import annotations

import os

from alluse_assets.cli.account_options import (
    AccountOption,
    BookOption,
    JsonOption,
    NameOption,
    WhyOption,
    show_accounts,
)
from alluse_assets.cli.person import own_name, utc_now
from alluse_assets.orchestration.account_holds import resume_accounts
from alluse_assets.orchestration.services import open_services


def resume_command(
    book: BookOption,
    why: WhyOption,
    account: AccountOption = None,
    name: NameOption = "",
    as_json: JsonOption = False,
) -> None:
    """End pauses, the kill switch and SAFE of a level; what else holds an account says what would end it."""
    with open_services(os.environ) as services:
        by = name or own_name()
        changes = resume_accounts(services.store, services.anchors, book, account or [], why, by, utc_now)
    show_accounts(changes, as_json)
