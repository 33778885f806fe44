"""Access records: every reading and every refusal, committed before an answer's first byte.

They belong to the owner; makers and vendors cannot read them. One attempt has one `access_id`
and one row per object it touches. Uses only kit.
"""
