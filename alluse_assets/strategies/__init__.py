"""What the three account kinds open and close, and how much of it.

Reading order: ``candidates`` (the table), ``entry_calendar`` (when which band holds), ``entry`` (the
screen), ``sizing``, ``entries`` (puts and calls of one account), ``com_acc`` (the first share purchase),
``exits`` (taking profit), ``session`` (the routine of one session that calls them all).

Every function is pure; the configuration is an argument. Rolls join in ``rolls``, the levels that
shrink or stop entries in ``protection``.
"""
