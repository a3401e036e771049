"""Every type of event, with what its payload carries. An unknown type is refused on append.

Payload numbers are integers or decimal text. Types are never renamed; a changed payload is a new
version of the type.
"""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    """``subject.what_happened``. The docstring of each module that makes an event says the payload."""

    BOOK_OPENED = "book.opened"
    """profile, lump_sum, first_session, config (canonical), config_fingerprint, rules_not_active."""
    ACCOUNT_OPENED = "account.opened"
    """account, kind, capital. Postings: cash against capital."""
    MARKET_MODE_GUESSED = "market_mode.guessed"
    """week, mode and the measures it came from, from data up to the previous week's close."""
    MARKET_MODE_CONFIRMED = "market_mode.confirmed"
    """week, mode and measures from that week's own bars; guessed, was_right."""
    ENTRY_DECIDED = "entry.decided"
    """One account, symbol and right at one step: how many candidates, what refused them, the outcome."""
    SHARE_PURCHASE_PLANNED = "share_purchase.planned"
    """Com-Acc's first purchase: per ticker the share of cash, the price, the quantity, the reason."""
    ORDER_CREATED = "order.created"
    ORDER_APPROVED = "order.approved"
    ORDER_DENIED = "order.denied"
    ORDER_SUBMITTED = "order.submitted"
    ORDER_ACCEPTED = "order.accepted"
    ORDER_FILLED = "order.filled"
    """Partial or whole fill; ``state`` says which. Postings: the trade's money."""
    ORDER_EXPIRED = "order.expired"
    ORDER_CANCELED = "order.canceled"
    ORDER_REJECTED = "order.rejected"
    ORDER_UNKNOWN = "order.unknown"
    OPTION_EXPIRED = "option.expired"
    """A short option ended worthless. Postings: liability into realised gain."""
    OPTION_ASSIGNED = "option.assigned"
    """A short put took shares or a short call gave them, at the strike."""
    OPTION_CASH_SETTLED = "option.cash_settled"
    """An index option ended in the money and was settled in cash."""
    CASH_SETTLED = "cash.settled"
    """Proceeds of a call-away or sale became cash (T+1)."""
    DIVIDEND_ACCRUED = "dividend.accrued"
    """Shares held into the ex-date earned a dividend, receivable until paid."""
    SESSION_CLOSED = "session.closed"
    """Closing prices, marks of every open option, balances and NAV per account."""
    ALERT_RAISED = "alert.raised"
    """A person may have to look: alert, type, priority, text, account, symbol, script, question,
    dedup_key."""
    ALERT_ACKNOWLEDGED = "alert.acknowledged"
    """Somebody looks after it: alert, by, why. It is not escalated any more."""
    ALERT_RESOLVED = "alert.resolved"
    """It is over: alert, by, why."""
