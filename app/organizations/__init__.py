"""Organizations and their registrations as OAuth clients: makers, vendors, or both.

A client belongs to one organization. What a vendor may ask, and for which purpose, is declared
in its registration. A maker's dead letters tell of its messages, never what they held. Uses only
kit.
"""
