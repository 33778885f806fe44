"""The usage log: records of an object's streams, append-only, each in exactly one tenure.

Nothing is stored without an open tenure. A record has a sequence number per tenure and stream,
without gaps, in order of arrival. Uses objects and kit.
"""
