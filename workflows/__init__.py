"""The processes, a folder each; kernel/ is what they share, processes.py lists them."""
