"""The MQTT door: one maker's messages from a broker into the log.

A message is acknowledged when what it brought is committed, stored or noted as a dead letter, and
not before; whatever is not acknowledged the broker sends again. Uses usage, objects, organizations,
keys and kit; `broker.py` alone knows aiomqtt, which is an extra.
"""
