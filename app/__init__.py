"""Inseam: connected objects have an identity and a usage log, and their owner holds the keys."""

__version__ = "0.1.0"
