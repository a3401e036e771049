"""The app's entry: page settings and navigation only. Start it with ``alluse up``."""

from __future__ import annotations

import streamlit as st

st.set_page_config(
    page_title="ALL-USE",
    page_icon="📈",
    layout="wide",
    menu_items={"About": "ALL-USE: an automated options-income protocol as a data platform."},
)
st.navigation(
    [
        st.Page("pages/overview.py", title="Overview", icon=":material/monitoring:", default=True),
        st.Page("pages/protection.py", title="Protection", icon=":material/shield:"),
        st.Page("pages/approvals.py", title="Approvals and alerts", icon=":material/notifications_active:"),
        st.Page("pages/chains.py", title="Chains and surfaces", icon=":material/ssid_chart:"),
        st.Page("pages/data_quality.py", title="Data quality", icon=":material/fact_check:"),
    ],
    position="top",
).run()
