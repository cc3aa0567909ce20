"""The commands behind `starter.py`, one file each."""
