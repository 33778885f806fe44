"""What a vendor reads: exactly what was granted of what is stored, never without a record.

Each reading runs in one transaction: decide, fetch, lock the grant and decide again, record; the
caller sends only after its commit. A refusal is a returned value, so that its record is committed
too. Uses consent, accesses, usage, objects, organizations and kit.
"""
