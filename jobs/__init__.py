"""Jobs, one a file with its schedule: what a person or the clock starts, and which assets it makes."""
