"""The keys of the log for roads that may wait: what is not at hand is fetched at once."""

from dataclasses import dataclass
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.keys.log_keys import KeyName, KeysMissing, LogKeys, WritingKey


@dataclass(frozen=True)
class EagerKeys:
    """As LogKeys, but never KeysMissing."""

    keys: LogKeys

    def writing(self, name: KeyName) -> WritingKey:
        try:
            return self.keys.writing(name)
        except KeysMissing as missing:
            self.keys.fetch(missing)
        return self.keys.writing(name)

    def opening(self, tenure_id: UUID, key_id: UUID) -> AESGCM:
        try:
            return self.keys.opening(tenure_id, key_id)
        except KeysMissing as missing:
            self.keys.fetch(missing)
        return self.keys.opening(tenure_id, key_id)
