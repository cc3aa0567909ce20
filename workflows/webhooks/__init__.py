"""Sending events to the platform's endpoints: a workflow each, and no case."""
