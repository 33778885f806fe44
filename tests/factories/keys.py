"""Keys of the log in memory, for tests that are not about where keys are kept."""

from collections.abc import Collection
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.keys.log_keys import KeyName, WritingKey
from app.kit.ids import new_id


class MemoryKeys:
    """Makes a key for whatever name is asked, and keeps it."""

    def __init__(self) -> None:
        self.by_name: dict[KeyName, WritingKey] = {}
        self.by_id: dict[tuple[UUID, UUID], AESGCM] = {}

    def writing(self, name: KeyName) -> WritingKey:
        if name not in self.by_name:
            key = WritingKey(new_id(), AESGCM(AESGCM.generate_key(256)))
            self.by_name[name] = key
            self.by_id[name.tenure_id, key.key_id] = key.cipher
        return self.by_name[name]

    def opening(self, tenure_id: UUID, key_id: UUID) -> AESGCM:
        return self.by_id[tenure_id, key_id]

    def destroy(self, tenure_id: UUID, key_ids: Collection[UUID]) -> None:
        for key_id in key_ids:
            self.by_id.pop((tenure_id, key_id), None)
        self.by_name = {n: k for n, k in self.by_name.items() if k.key_id not in key_ids}
