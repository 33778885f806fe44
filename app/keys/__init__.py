"""The service's own keys: signing keys and cursor keys, in a key ring file of mode 0600.

A retired key still opens and verifies what it made; only the newest seals and signs.
"""
