"""The paper broker: a deterministic fill model over quotes. The default, and the broker of every replay."""
