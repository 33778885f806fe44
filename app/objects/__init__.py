"""Products with their streams, and the objects made of them: identity, claim codes, tenures.

An object's id follows from product and serial, so a serial cannot be minted twice. An object has
at most one open tenure. Uses organizations and kit.
"""
