"""The owner's pages and the public ones: server-rendered, usable without JavaScript."""
