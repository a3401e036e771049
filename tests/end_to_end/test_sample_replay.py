"""The two-year sample as a whole: what it must always be."""

from decimal import Decimal

from alluse_assets.base.calendar import trading_calendar
from alluse_assets.journal.verify import Anchor, verify
from alluse_assets.reporting.summary import summarise
from tests.end_to_end.conftest import CONFIG, END, START


def test_every_session_of_the_range_was_closed_in_order(sample_run):
    closed = [e.payload["session"] for e in sample_run.events if e.type == "session.closed"]
    assert closed == [day.isoformat() for day in trading_calendar().sessions(START, END)]
    assert len(closed) == 502


def test_the_journal_proves(sample_run):
    head = sample_run.head
    report = verify("sample", sample_run.rows, [Anchor(head.seq, head.hash, head.seal, True)])
    assert report.faults == ()


def test_all_three_kinds_trade_and_are_assigned(sample_run):
    summary = summarise("sample", sample_run.rows, trading_calendar())
    assert {a.kind for a in summary.accounts if a.trades > 20 and a.assignments > 5} == {"gen", "rev", "com"}
    assert summary.capital == Decimal("1000000.00")


def test_every_account_ticker_and_week_has_exactly_one_type(sample_run):
    summary = summarise("sample", sample_run.rows, trading_calendar())
    weeks = sum(
        1 for week in trading_calendar().weeks(START, END) if week.first >= START and week.last <= END
    )
    places = sum(len(CONFIG.accounts.of(kind).tickers) for kind in ("gen", "rev", "com"))
    assert sum(summary.week_types.values()) == weeks * places


def test_cash_positions_and_nav_reconcile_with_the_postings_at_every_close(sample_run):
    """Summed here from the postings alone, with no code of the ledger."""
    balances, quantities = {}, {}
    for event in sample_run.events:
        for line in event.postings:
            key = (line.account, str(line.ledger_account))
            balances[key] = balances.get(key, Decimal(0)) + line.amount
            if line.instrument:
                held = quantities.setdefault(line.account, {})
                held[line.instrument] = held.get(line.instrument, 0) + line.quantity
        if event.type != "session.closed":
            continue
        payload, total, gains = event.payload, Decimal(0), Decimal(0)
        for account, values in payload["accounts"].items():
            value = Decimal(0)
            for instrument, quantity in quantities.get(account, {}).items():
                if not quantity:
                    continue
                if instrument in payload["marks"]:
                    value += quantity * 100 * Decimal(payload["marks"][instrument]["price"])
                else:
                    value += quantity * Decimal(payload["closes"][instrument])
            cash, owed = balances[(account, "cash")], balances.get((account, "receivables"), Decimal(0))
            assert Decimal(values["cash"]) == cash
            assert Decimal(values["receivables"]) == owed
            assert abs(Decimal(values["nav"]) - (cash + owed + value)) < Decimal("0.01")
            cost = sum(balances.get((account, a), Decimal(0)) for a in ("shares", "short_options"))
            income = -sum(
                balances.get((account, a), Decimal(0))
                for a in ("realised_gain", "dividends", "interest", "fees")
            )
            gains += income + (Decimal(values["nav"]) - cash - owed - cost)
            total += Decimal(values["nav"])
        assert total == Decimal(1_000_000) + gains


def test_the_sample_is_pinned(sample_run):
    """The same on every machine and Python. A rule that changes it on purpose changes these figures, too."""
    closed = [e.payload for e in sample_run.events if e.type == "session.closed"][-1]
    navs = {name: values["nav"] for name, values in closed["accounts"].items()}
    assert navs == {"GEN-1": "492748.47", "REV-1": "328236.20", "COM-1": "361551.12"}
    assert len(sample_run.rows) == 9495
    assert sample_run.head.hash.hex() == "1db6de3b12999de474f646c0ddd155a4c35e1c9bdaf0edbdddca9468ecd20f29"
