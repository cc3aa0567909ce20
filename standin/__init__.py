"""A stand-in marketplace and a mail sink, for the demo and the tests, that can be told to fail."""
