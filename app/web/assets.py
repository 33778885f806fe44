"""Static files under a URL that carries their content's hash, so browsers may keep them."""

import hashlib
import mimetypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

STATIC_DIR = Path(__file__).parent / "static"
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True)
class Asset:
    """One file as it is served. `content` is read once, at start."""

    path: str
    content: bytes
    media_type: str


@dataclass(frozen=True)
class Assets:
    """All static files under one hash: modules import each other by relative address,
    so a change of any file must change the address of all."""

    hash: str
    files: Mapping[str, Asset]

    def url(self, path: str) -> str:
        """The address of `path`; an unknown one is a mistake in a template, so it raises."""
        if path not in self.files:
            raise KeyError(f"no static file {path!r}")
        return f"/static/{self.hash}/{path}"

    def find(self, hash_: str, path: str) -> Asset | None:
        """What `/static/<hash_>/<path>` answers with; None is a 404."""
        return self.files.get(path) if hash_ == self.hash else None


def load_assets(root: Path = STATIC_DIR) -> Assets:
    """Read every file below `root` and hash names and contents together."""
    files = {asset.path: asset for asset in _read_files(root)}
    digest = hashlib.sha256()
    for path, asset in sorted(files.items()):
        digest.update(hashlib.sha256(path.encode()).digest())
        digest.update(hashlib.sha256(asset.content).digest())
    return Assets(digest.hexdigest()[:12], files)


def _read_files(root: Path) -> Iterator[Asset]:
    for file in sorted(root.rglob("*")):
        if file.is_file() and not file.name.startswith("."):
            path = file.relative_to(root).as_posix()
            yield Asset(path, file.read_bytes(), _media_type(file))


def _media_type(file: Path) -> str:
    guessed = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0]
    return guessed or "application/octet-stream"
