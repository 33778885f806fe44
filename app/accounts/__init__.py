"""Owners and how they sign in: passkeys, e-mail links, recovery codes, sessions.

Only hashes of secrets are stored, each is used once, and a session ends on every worker at once.
An owner is a person or an organization; an organization's members act in roles. Uses only kit.
"""
