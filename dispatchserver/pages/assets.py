"""Where templates and static files lie, and how static files are served."""

import hashlib
from pathlib import Path

from aiohttp import web

import dispatchserver

PACKAGE = Path(dispatchserver.__file__).parent
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOR_EVER = "public, max-age=31536000, immutable"
VERSION_DIGITS = 12


def folder(name: str) -> Path:
    """The folder inside an installed package, else the one of the checkout."""
    packed = PACKAGE / f"_{name}"
    return packed if packed.is_dir() else PACKAGE.parent / name


class Assets:
    """The static files, known by name from the start: no address can reach any other file."""

    def __init__(self) -> None:
        files = [file for file in folder("static").iterdir() if file.suffix in TYPES]
        self._bytes = {file.name: file.read_bytes() for file in files}
        self._versions = {name: _version(content) for name, content in self._bytes.items()}

    def url(self, name: str) -> str:
        """The address of a file, with its content's version, so that browsers may keep it."""
        return f"/static/{name}?v={self._versions[name]}"

    def serve(self, request: web.Request) -> web.Response:
        """The file of this name; kept by browsers when they asked for this very version."""
        name = request.match_info["name"]
        content = self._bytes.get(name)
        if content is None:
            raise web.HTTPNotFound
        current = request.query.get("v") == self._versions[name]
        return web.Response(
            body=content,
            content_type=TYPES[Path(name).suffix],
            charset="utf-8",
            headers={"Cache-Control": FOR_EVER if current else "no-cache"},
        )


def _version(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:VERSION_DIGITS]
