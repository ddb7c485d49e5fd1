"""Compound files ([MS-CFB] version 4), the container of an AAF: a tree of storages and streams, written in one go.

pyaaf2 writes them object by object, which takes minutes for ten thousand clips. What is small it still writes; a tree
that was read back from it, and has grown, is written here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from engine.errors import ExportError

SECTOR, MINI_SECTOR, MINI_CUTOFF = 4096, 64, 4096

_SIGNATURE = bytes.fromhex("d0cf11e0a1b11ae1")
_AAF = bytes.fromhex("0102010d00020000060e2b3403020101")
"""What the header of an AAF in sectors of 4096 bytes says that it is."""

_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_RED, _BLACK = 0, 1
_HEADER_FATS = 109
_ENTRY = struct.Struct("<64sHBBIII16sIQQIQ")


class Storage:
    """A folder of the file: its class, as 16 bytes, and what is in it by name."""

    def __init__(self, class_id: bytes, children: dict[str, Storage | bytes] | None = None) -> None:
        self.class_id = class_id
        self.children: dict[str, Storage | bytes] = {} if children is None else children

    def storage(self, name: str) -> Storage:
        """Return the storage called ``name``."""
        found = self.children[name]
        if isinstance(found, bytes):
            raise TypeError(f"{name} is a stream")
        return found

    def stream(self, name: str) -> bytes:
        """Return what is in the stream called ``name``."""
        found = self.children[name]
        if isinstance(found, Storage):
            raise TypeError(f"{name} is a storage")
        return found

    def copy(self) -> Storage:
        """Return a copy of the tree; the bytes are shared."""
        return Storage(self.class_id, {k: v.copy() if isinstance(v, Storage) else v for k, v in self.children.items()})


class _Entry:
    """A directory entry on its way. left, right, child: numbers of entries."""

    __slots__ = ("child", "class_id", "color", "kind", "left", "name", "right", "sector", "size")

    def __init__(self, name: str, kind: int, class_id: bytes = bytes(16)) -> None:
        self.name, self.kind, self.class_id = name, kind, class_id
        self.color = _BLACK
        self.left = self.right = self.child = _FREE
        self.sector, self.size = _END, 0

    def packed(self) -> bytes:
        name = self.name.encode("utf-16-le")
        return _ENTRY.pack(
            name, len(name) + 2, self.kind, self.color, self.left, self.right, self.child, self.class_id, 0, 0, 0,
            0 if self.kind == _STORAGE else self.sector, self.size,
        )  # fmt: skip


def write_compound(root: Storage, path: Path) -> None:
    """Write the tree as a new file. Raises ExportError past 450 MB, which no header without a second table holds."""
    with path.open("xb") as file:
        _Writer(file).write(root)


class _Writer:
    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.file.write(bytes(SECTOR))
        self.fat: list[int] = []
        self.mini_fat: list[int] = []
        self.mini = bytearray()
        self.entries: list[_Entry] = []

    def write(self, root: Storage) -> None:
        """Write everything but the header, then that."""
        first = _Entry("Root Entry", _ROOT, root.class_id)
        self.entries.append(first)
        first.child = self._children(root)
        first.sector, first.size = self._sectors(bytes(self.mini)), len(self.mini)
        mini_fats = -(-len(self.mini_fat) * 4 // SECTOR)
        mini_fat = self._sectors(_table(self.mini_fat))
        packed = b"".join(entry.packed() for entry in self.entries)
        spare = _Entry("", 0)
        blank = spare.packed()[:64] + bytes(4) + struct.pack("<III", _FREE, _FREE, _FREE) + bytes(48)
        packed += blank * (-len(self.entries) % (SECTOR // len(blank)))
        directory = self._sectors(packed)
        fats = self._write_fat()
        self._write_header(fats, directory, len(packed) // SECTOR, mini_fat, mini_fats)

    def _children(self, storage: Storage) -> int:
        """Write what is in a storage; return the entry at the top of its tree."""
        numbers = []
        for name, content in sorted(storage.children.items(), key=lambda child: (len(child[0]), child[0].upper())):
            entry = _Entry(name, _STREAM if isinstance(content, bytes) else _STORAGE)
            numbers.append(len(self.entries))
            self.entries.append(entry)
            if isinstance(content, bytes):
                entry.sector, entry.size = self._stream(content), len(content)
            else:
                entry.class_id = content.class_id
                entry.child = self._children(content)
        return self._tree(numbers, 0, len(numbers).bit_length() - 1)

    def _tree(self, numbers: Sequence[int], depth: int, last: int) -> int:
        """Link sorted entries as a balanced tree; red are those of its last level, where it is not full."""
        if not numbers:
            return _FREE
        middle = len(numbers) // 2
        entry = self.entries[numbers[middle]]
        entry.color = _RED if depth == last and depth else _BLACK
        entry.left = self._tree(numbers[:middle], depth + 1, last)
        entry.right = self._tree(numbers[middle + 1 :], depth + 1, last)
        return numbers[middle]

    def _stream(self, data: bytes) -> int:
        """Write a stream, small ones into the stream of small ones; return its first sector."""
        if not data:
            return _END
        if len(data) >= MINI_CUTOFF:
            return self._sectors(data)
        first = len(self.mini_fat)
        count = -(-len(data) // MINI_SECTOR)
        self.mini_fat += [*range(first + 1, first + count), _END]
        self.mini += data + bytes(-len(data) % MINI_SECTOR)
        return first

    def _sectors(self, data: bytes) -> int:
        if not data:
            return _END
        first = len(self.fat)
        count = -(-len(data) // SECTOR)
        self.fat += [*range(first + 1, first + count), _END]
        self.file.write(data)
        self.file.write(bytes(-len(data) % SECTOR))
        return first

    def _write_fat(self) -> list[int]:
        """Write the table of sectors, which has its own sectors in it; return where they are."""
        per_sector = SECTOR // 4
        count = -(-len(self.fat) // (per_sector - 1))
        if count > _HEADER_FATS:
            raise ExportError("the AAF would be larger than 450 MB; export fewer clips at once")
        places = list(range(len(self.fat), len(self.fat) + count))
        self.fat += [_FAT] * count
        self.file.write(_table(self.fat))
        return places

    def _write_header(self, fats: Sequence[int], directory: int, directories: int, mini_fat: int, minis: int) -> None:
        header = _SIGNATURE + _AAF
        header += struct.pack("<HHHHH6x", 0x3E, 4, 0xFFFE, SECTOR.bit_length() - 1, MINI_SECTOR.bit_length() - 1)
        header += struct.pack("<IIIIIIIII", directories, len(fats), directory, 0, MINI_CUTOFF, mini_fat, minis, _END, 0)
        header += b"".join(struct.pack("<I", place) for place in [*fats, *[_FREE] * (_HEADER_FATS - len(fats))])
        self.file.seek(0)
        self.file.write(header)


def _table(numbers: Sequence[int]) -> bytes:
    """Return a table of sectors, filled up to whole sectors."""
    free = -len(numbers) % (SECTOR // 4)
    return struct.pack(f"<{len(numbers)}I", *numbers) + b"\xff" * (4 * free)


def read_compound(path: Path) -> Storage:
    """Return the tree of a file of this kind with 4096-byte sectors, as pyaaf2 writes it. For small files only."""
    data = path.read_bytes()
    return _Reader(data).root()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        fields = struct.unpack_from("<IIIIIIIII", data, 40)
        _, fats, directory, _, _, mini_fat, _, _, _ = fields
        places = struct.unpack_from(f"<{min(fats, _HEADER_FATS)}I", data, 76)
        self.fat = [n for place in places for n in struct.unpack_from(f"<{SECTOR // 4}I", data, (place + 1) * SECTOR)]
        table = self._chain(mini_fat)
        self.mini_fat = struct.unpack(f"<{len(table) // 4}I", table)
        packed = self._chain(directory)
        self.entries = list(_ENTRY.iter_unpack(packed))
        self.mini = self._chain(self.entries[0][11])

    def root(self) -> Storage:
        """Return the whole tree."""
        return self._storage(0)

    def _storage(self, number: int) -> Storage:
        entry = self.entries[number]
        children: dict[str, Storage | bytes] = {}
        for child in self._siblings(entry[6]):
            found = self.entries[child]
            name = found[0][: found[1] - 2].decode("utf-16-le")
            children[name] = self._storage(child) if found[2] == _STORAGE else self._read(found[11], found[12])
        return Storage(entry[7], children)

    def _siblings(self, number: int) -> Iterator[int]:
        if number != _FREE:
            yield from self._siblings(self.entries[number][4])
            yield number
            yield from self._siblings(self.entries[number][5])

    def _read(self, sector: int, size: int) -> bytes:
        if size >= MINI_CUTOFF:
            return self._chain(sector)[:size]
        parts = []
        while sector < _FAT:
            parts.append(self.mini[sector * MINI_SECTOR : (sector + 1) * MINI_SECTOR])
            sector = self.mini_fat[sector]
        return b"".join(parts)[:size]

    def _chain(self, sector: int) -> bytes:
        parts = []
        while sector < _FAT:
            parts.append(self.data[(sector + 1) * SECTOR : (sector + 2) * SECTOR])
            sector = self.fat[sector]
        return b"".join(parts)
