"""What vendors call with a token that carries a grant."""
