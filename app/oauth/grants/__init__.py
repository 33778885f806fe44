"""The grants of the token endpoint, one file each, on Authlib's classes."""
