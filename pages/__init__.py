"""What pages say, as values: drawn by the command line, and by whatever else draws."""
