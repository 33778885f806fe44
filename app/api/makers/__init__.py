"""What makers call with client credentials."""
