"""Alerts: what a person should know, its state, and when it is sent to whom.

Here: an alert and its events, the fold over them, and the pure decision what is to be sent now. Not here:
the rules that raise alerts (``protection``, ``execution`` and others do), and the sending itself, which is
``adapters.notify`` behind the port in ``channel.py``.
"""
