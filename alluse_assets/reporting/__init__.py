"""Performance and the pages people read.

Reading order: ``tables``, ``performance`` (statistics over returns and trades), ``charts`` (inline SVG),
``report`` (the page). Everything here is made from tables that were projected from the journal; nothing
here is decided on. Tax, risk and attribution reports join here.
"""
