"""The market mode before a week and after it, and the week type: what a week turned out to be."""
