"""One HTML page about a network: plain data in, text out, nothing read or measured here."""
