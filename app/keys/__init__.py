"""The service's own keys, and those of the log.

`ring`: signing keys and cursor keys, in a file of mode 0600. A retired key still opens and verifies
what it made; only the newest seals and signs.

`log_keys`: the keys that seal the usage log, in a key store apart from the data. They are wrapped,
level by level, under a key-encryption key that a provider holds: `file_provider`, `vault_provider`.
A key is committed before its first use, and destroyed before what it opens is removed.
"""
