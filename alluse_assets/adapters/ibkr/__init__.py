"""Interactive Brokers through TWS or IB Gateway: market data. Orders are a module of their own."""
