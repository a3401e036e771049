"""What the three account kinds open and close, and how much of it.

Reading order: ``candidates`` (the table), ``entry_calendar`` (when which band holds), ``entry`` (the
screen), ``sizing``, ``entries`` (puts and calls of one account), ``com_acc`` (the first share purchase),
``exits`` (taking profit), ``session`` (the routine of one session that calls them all).

Protection acts in ``protect`` (levels, holds, breakers, drawdowns), ``exits``, ``rolls`` and ``scripts`` (the
orders that an alert comes with), ``questions`` (what a person decides besides orders); ``opening`` books what
an opening bell brings, ``steps`` says what of a live session is due. Every function is pure; the
configuration is an argument.
"""
