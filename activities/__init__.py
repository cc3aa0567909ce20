"""What touches the world: one class for each port, its dependencies handed in."""
