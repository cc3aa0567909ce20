"""What one can do with cases: a client of Temporal, and an engine, are handed in."""
