"""Options that have expired and whose end nobody has said yet, because the close of their session waits.

They are in the book until then, but nothing can be done about them: no level is read, nothing is bought back.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from alluse_assets.ledger.book_state import BookState


def without_expired(state: BookState, session: date) -> BookState:
    """What of the book still trades in ``session``: a view to decide on, never one to keep."""
    accounts = {
        name: replace(
            account,
            shorts={c: one for c, one in account.shorts.items() if one.contract.expiry >= session},
            longs={c: one for c, one in account.longs.items() if one.contract.expiry >= session},
        )
        for name, account in state.accounts.items()
    }
    there = {short.chain_id for account in accounts.values() for short in account.shorts.values()}
    chains = {
        key: chain if key in there else replace(chain, contracts=0)
        for key, chain in state.protection.chains.items()
    }
    return replace(state, accounts=accounts, protection=replace(state.protection, chains=chains))
