"""The demo: one story with real parts, seeded through the service's own functions.

`vendor` is the sample vendor's site, a process of its own that knows nothing of this one.
"""
