"""A return of goods: read process.py first."""
