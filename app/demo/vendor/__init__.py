"""Mend & Co, a small real vendor: a mending workshop that reads how jeans are worn and washed.

It runs as a process of its own, imports nothing else of this code, and knows only the service's
address and its own credentials. What it holds of an owner it holds in memory, and forgets when
the permission ends.
"""
