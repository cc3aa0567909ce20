"""A non-delivery: read process.py first."""
