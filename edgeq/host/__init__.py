"""Build generated C on this machine, run it, and measure it."""
