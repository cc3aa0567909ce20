"""A withdrawal: read process.py first."""
