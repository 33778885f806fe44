"""The owner's own copy of an object's log, made by a job and kept for some days.

Same records, same precision as anyone else could get. Uses disclosure's neighbours below:
consent, accesses, usage, objects, keys and kit.
"""
