"""What every layer may use: money, instruments, calendar, errors, table catalogue, configuration.

Nothing here knows a database, a broker or Dagster.
"""
