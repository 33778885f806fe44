"""The authorization server, on Authlib's skeleton; Authlib's types stay inside this package.

Tokens are opaque, stored as hashes, and live only while their grant does: a request becomes one
`Principal`. It renders nothing. Uses consent, organizations, objects, disclosure and kit.
"""
