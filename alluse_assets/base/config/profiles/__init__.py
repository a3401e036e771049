"""The profiles that ship, as YAML. A profile holds only what differs from the defaults."""
