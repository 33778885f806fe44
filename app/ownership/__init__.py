"""What changes owner, tenure and records together, each in one transaction: the claim.

Exactly one person wins a code. Uses objects, consent's neighbours below it, and kit.
"""
