"""A session's state on disk: tensors as safetensors, everything else as JSON; never a pickle.

``<stem>.json`` is the manifest: the tree of the state, whose state it is, and size and SHA-256 of the tensor file
``<stem>.<16 digits of its SHA-256>.safetensors``. The tensor file is written first, under a name that its content
gives it, and the manifest last: a crash at any moment leaves the old pair or the new one, never a mixture.
"""

import errno
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from lrlab.core.errors import StoreError
from lrlab.tasks.checkpoint_tree import decode, encode

FORMAT = "lrlab checkpoint"
VERSION = 1
_NEXT = "The run is trained again from its start, which gives the same records."
_CHUNK = 2**20
_OWN_FILES = re.compile(r"\.[0-9a-f]{16}\.(safetensors|tmp)")


def save(path_stem: str | Path, state: object, *, about: Mapping[str, str]) -> str:
    """Store ``state`` as one manifest and one tensor file, durably, in place of what ``path_stem`` held.

    Args:
        path_stem: Path without suffix, in a folder that exists; one writer at a time.
        state: Nested dicts, lists and tuples of torch tensors, NumPy arrays, numbers, strings, bytes and None.
            Subclasses become the plain type; keys are strings, numbers or None.
        about: Whose state it is; ``load`` must be given the same.

    Returns:
        Path of the manifest.

    Raises:
        NoStateError: If something in the state cannot be written down; nothing was touched.
        StoreError: If it cannot be written; what was there before is still whole.
    """
    stem = Path(path_stem)
    tree, blob = encode(state)
    digest = hashlib.sha256(blob).hexdigest()
    body = {
        "format": FORMAT,
        "version": VERSION,
        "about": dict(about),
        "tensors": {"bytes": len(blob), "sha256": digest},
        "tree": tree,
    }
    tensors = _tensor_file(stem, digest)
    manifest = _manifest_file(stem)
    with _explained(manifest, "cannot be written", "The state before it, if any, is still whole."):
        _write(stem, tensors, blob)
        _write(stem, manifest, _seal(body))
        _tidy(stem, keep=tensors.name)
    return str(manifest)


def load(path_stem: str | Path, *, about: Mapping[str, str] | None) -> Any:
    """The state that ``save`` stored, with tensors on the CPU.

    Args:
        path_stem: As for ``save``.
        about: Whose state is expected; None takes anybody's.

    Raises:
        StoreError: If a file is missing, damaged, foreign, from a newer lrlab, or belongs to another run. The
            sentence names the file; nothing was deleted.
    """
    stem = Path(path_stem)
    manifest = _manifest_file(stem)
    body = _unseal(manifest, _read(manifest))
    if about is not None and body["about"] != dict(about):
        _refuse(manifest, f"belongs to another run: {_difference(body['about'], about)}.")
    tensors = _tensor_file(stem, body["tensors"]["sha256"])
    blob = _read(tensors)
    if len(blob) != body["tensors"]["bytes"]:
        _refuse(tensors, f"has {len(blob)} bytes, not {body['tensors']['bytes']}.")
    if hashlib.sha256(blob).hexdigest() != body["tensors"]["sha256"]:
        _refuse(tensors, "is damaged: its SHA-256 is not the one in its manifest.")
    try:
        return decode(body["tree"], blob)
    except Exception as error:  # both hashes hold, so this was written by something else
        _refuse(manifest, f"holds something that this lrlab did not write ({type(error).__name__}: {error}).")


def _difference(theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    names = [name for name in sorted({**theirs, **ours}) if theirs.get(name) != ours.get(name)]
    return ", ".join(f"{name} is {theirs.get(name)!r} and not {ours.get(name)!r}" for name in names)


def _manifest_file(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.json")


def _tensor_file(stem: Path, digest: str) -> Path:
    return stem.with_name(f"{stem.name}.{digest[:16]}.safetensors")


def _canonical(value: object) -> bytes:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True
    ).encode()


def _seal(body: dict[str, Any]) -> bytes:
    """The manifest's text: its body and the body's own hash, in the one spelling that ``_unseal`` takes."""
    return _canonical({"body": body, "sha256": hashlib.sha256(_canonical(body)).hexdigest()})


def _unseal(path: Path, text: bytes) -> dict[str, Any]:
    try:
        whole = json.loads(text)
        body, digest = whole["body"], whole["sha256"]
        # Any other spelling of the same value would be a flipped bit that the parser forgives.
        sound = _canonical(whole) == text and hashlib.sha256(_canonical(body)).hexdigest() == digest
        form, version = body["format"], body["version"]
        named = re.fullmatch("[0-9a-f]{64}", body["tensors"]["sha256"]) is not None
    except (ValueError, TypeError, KeyError, RecursionError):
        _refuse(path, "is damaged, or no checkpoint of lrlab.")
    if not sound:
        _refuse(path, "is damaged: its SHA-256 is not the one that it names.")
    if form != FORMAT or not named:
        _refuse(path, "is no checkpoint of lrlab.")
    if version != VERSION:
        _refuse(path, f"has format version {version!r}; this lrlab reads version {VERSION}.")
    return body  # type: ignore[no-any-return]


def _read(path: Path) -> bytes:
    with _explained(path, "cannot be read", _NEXT):
        return path.read_bytes()


def _refuse(path: Path, what: str) -> NoReturn:
    raise StoreError(f"checkpoint: {path} {what}", hint=_NEXT)


@contextmanager
def _explained(path: Path, what: str, then: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"checkpoint: {path} {what}: {error.strerror or error}.", hint=then) from error


def _write(stem: Path, path: Path, content: bytes) -> None:
    """Put a whole file in place: written beside it, synced, read back, renamed, its folder synced."""
    beside = stem.with_name(f"{stem.name}.{secrets.token_hex(8)}.tmp")
    try:
        with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if not _holds(beside, content):
            raise OSError(errno.EIO, "it reads back other bytes than were written")
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _holds(path: Path, content: bytes) -> bool:
    rest = memoryview(content)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if rest[: len(chunk)] != chunk:
                return False
            rest = rest[len(chunk) :]
    return not rest


def _sync(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _tidy(stem: Path, *, keep: str) -> None:
    """Remove the tensor file that was superseded, and what killed writers left."""
    for path in stem.parent.iterdir():
        own = path.name.startswith(stem.name) and _OWN_FILES.fullmatch(path.name[len(stem.name) :])
        if own and path.name != keep:
            path.unlink(missing_ok=True)
