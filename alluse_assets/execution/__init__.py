"""The one small module that places orders.

Everything that reaches a broker is an ``OrderIntent`` that passed the gate here. Reading order:
``order`` (what an intent is), ``lifecycle`` (its states, as a table), ``gate`` (what is refused, as
data), ``approvals`` (what a person is asked), ``questions`` (the same besides orders), ``fill_model``
(what a quote really gives), ``broker`` (the port), ``engine`` (puts them together and emits journal
events). Not here: why to trade (``strategies``), vendors (``adapters``).

Joining later, each with its own place in the tables: price walking, replacing, reconciliation, legged
rolls.
"""
