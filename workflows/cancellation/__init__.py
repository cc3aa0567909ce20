"""A cancellation: read process.py first."""
