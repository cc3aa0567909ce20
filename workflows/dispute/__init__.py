"""A dispute: read process.py first."""
