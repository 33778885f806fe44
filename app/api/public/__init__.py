"""What anyone may call."""
