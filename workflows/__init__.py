"""The processes, one file each; case.py is what all of them share."""
