"""An uncollected parcel: read process.py first."""
