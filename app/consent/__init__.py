"""Access requests and grants: what a vendor asked, what the owner gave, and until when.

A grant is changed only by making a new version, and a version never gives more without the
owner's act; only an active grant reads. `decide` is pure. Uses accesses, objects, organizations
and kit.
"""
