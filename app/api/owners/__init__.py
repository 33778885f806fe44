"""What owners call with their own token."""
