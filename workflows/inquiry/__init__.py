"""An inquiry: read process.py first."""
