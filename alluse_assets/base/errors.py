"""The one exception tree. A message says what was wrong, where, and what to do.

``AlluseError`` is what surfaces catch: the command prints it without a traceback and ends with
``exit_code``. Anything else that escapes is a defect of ours.
"""


class AlluseError(Exception):
    """Base of every expected error. ``exit_code``: 1 what was asked is false, 2 wrong use or input."""

    exit_code = 2


class ConfigError(AlluseError):
    """A configuration value is missing, of the wrong type, out of bounds or contradictory."""


class DataError(AlluseError):
    """Input data cannot be read or breaks its table's contract as a whole."""


class MissingDataError(DataError):
    """Data that a step needs is not in the lake yet."""


class SourceError(AlluseError):
    """A data source cannot be asked, or its answer is not to be believed.

    ``is_passing``: asking again later can help (a time-out, a limit of calls), or it cannot (no rights).
    """

    def __init__(self, message: str, is_passing: bool = False) -> None:
        super().__init__(message)
        self.is_passing = is_passing


class JournalError(AlluseError):
    """The journal refused an event, or was asked for something it cannot give."""


class ConflictError(JournalError):
    """Somebody else wrote to the same book meanwhile, or the same key was used for another event."""


class LedgerError(AlluseError):
    """Postings or positions break an invariant of the ledger."""


class OrderError(AlluseError):
    """An order was asked for a transition that its state does not have."""


class AccountError(AlluseError):
    """An account is asked for something that its state does not allow."""


class ApprovalError(AlluseError):
    """An approval cannot be answered or used as asked."""


class ServerError(AlluseError):
    """A server that we need cannot be started or reached."""


class AlertError(AlluseError):
    """An alert cannot be what it was said to be, or is not there to be answered."""


class DeliveryError(AlluseError):
    """A message did not get to its channel. The text never holds the channel's address."""


class SecretError(AlluseError):
    """A secret that was referred to cannot be read."""
