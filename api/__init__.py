"""The HTTP API: what people and services may do with cases, each with a token of their own."""
