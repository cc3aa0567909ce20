"""A complaint: read process.py first."""
