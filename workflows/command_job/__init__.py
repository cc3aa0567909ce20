"""Many commands sent at once. It is no process: it has no stages, and nobody's time runs in it."""
