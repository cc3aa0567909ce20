"""A claim on a carrier: read process.py first."""
