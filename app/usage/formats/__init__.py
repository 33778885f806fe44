"""The formats that usage comes in: JSON, NDJSON, SenML as JSON and as CBOR, plain or compressed.

Pure: bytes in, records or refusals out, with memory bounded by the limits that the caller gives.
`unpack` undoes a content coding, `reader` picks the reader of a content type; what SenML names and
units mean can only be told with the object's streams at hand, so `assemble` is a second step.
"""
