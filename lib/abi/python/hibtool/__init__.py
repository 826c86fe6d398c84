"""Reads images of Linux memory: everything that "hibtool inspect" opens.

    import hibtool

    with hibtool.Image.open("crash.hib") as image:
        print(image.info["kernel"]["release"])
        for run in image.runs:
            print(hex(run.first_pfn), run.count, run.state)
        page = image.read_page(0x1F3)
        banner = image.read(0x1234567, 100)

All failures are HibtoolError. The methods of an Image may be called from several threads at once; while one of them reads,
the others run. The module needs libhibtool.so.0; the environment variable HIBTOOL_LIBRARY names another file.
"""

from __future__ import annotations

import bisect
import operator
import os
import warnings
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple, Type, Union

from . import _library as c

__all__ = ["Finding", "HibtoolError", "Image", "KernelLog", "LogLine", "Record", "Run", "__version__"]

__version__ = c.library.hibtool_version().decode()

PathLike = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]

_UINT64 = 1 << 64
_IMAGE_STATES = ("unknown", "complete", "incomplete", "armed", "consumed", "none")
_PAGE_STATES = ("data", "fill", "absent", "unreadable")
_SEVERITIES = ("note", "warning", "error")


class HibtoolError(Exception):
    """What went wrong, where, what was found there and what would be allowed. str() has it in one line.

    kind    "no-page", "corrupt", "not-found", …: as in the documents of "hibtool --json"
    file    the file, or ""
    offset  bytes from the start of the file, or None
    where   structure, record and field; call of the system; or argument; may be ""
    found   what was found there
    allowed what would be allowed, or ""
    advice  what to do next, or ""
    """

    kind: str
    file: str
    offset: Optional[int]
    where: str
    found: str
    allowed: str
    advice: str

    def __init__(self, message: str, *, kind: str, file: str = "", offset: Optional[int] = None, where: str = "",
                 found: str = "", allowed: str = "", advice: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.file = file
        self.offset = offset
        self.where = where
        self.found = found
        self.allowed = allowed
        self.advice = advice


@dataclass(frozen=True)
class Run:
    """Pages of one state. `fill` is the value of every byte where `state` is "fill", else None."""

    first_pfn: int
    count: int
    state: str  # "data", "fill", "absent", "unreadable"
    fill: Optional[int]

    @property
    def end_pfn(self) -> int:
        """One past the last page."""
        return self.first_pfn + self.count


class Finding(NamedTuple):
    """Something worth knowing that did not stop the reader. docs/json.md lists the codes."""

    code: str
    severity: str  # "note", "warning", "error"
    offset: Optional[int]  # bytes from the start of the file
    text: str


class Record(NamedTuple):
    """What the image knows of its machine beside the pages. docs/format/records.md has the types and their fields.

    A value is an int, a str, bytes or a dict; where several fields have one name, it is a list of them. Bytes of a text that
    are no UTF-8 are surrogates, as os.fsdecode() makes them.
    """

    type: str
    version: int
    fields: Dict[str, Any]


class LogLine(NamedTuple):
    """A line of the kernel's log. Its text may have several lines, and is whatever was written to the log."""

    time_ns: int  # since the kernel started
    level: int  # 0 (emergency) to 7 (debug)
    facility: int  # 0: the kernel
    caller: Optional[str]  # "CPU 3", "thread 1234"
    text: str


class KernelLog(NamedTuple):
    """The kernel's log, oldest line first."""

    lines: List[LogLine]
    overwritten: int  # earlier lines that later ones have overwritten
    unreadable: int  # lines whose pages the image does not hold


class _Handle:
    """Closes what C has opened, when the last user is done with it: another thread may be reading."""

    def __init__(self, pointer: Any, close: Any) -> None:
        self.pointer = pointer
        self._close = close

    def __del__(self) -> None:
        self._close(self.pointer)


class Image:
    """An opened image. It is a context manager; after close() its methods raise ValueError. Its page size and its end stay known."""

    def __init__(self, handle: _Handle) -> None:
        """Use Image.open()."""
        self._info = _info_of(handle)
        self._handle: Optional[_Handle] = handle
        self._memory: Optional[Tuple[List[int], List[int]]] = None  # what holds() needs, when it is first asked

    @classmethod
    def open(cls, path: PathLike, *, format: Optional[str] = None, salvage: bool = False, without_base: bool = False,
             base_address: Optional[int] = None, page_size: Optional[int] = None, swap_offset: Optional[int] = None,
             base_image: Optional[PathLike] = None, passphrase: Union[str, bytes, None] = None) -> "Image":
        """Opens a file, a block device or the URI of an NBD server. Nothing is written.

        format        its format, as "hibtool inspect -f" takes it. Without, it is found by content; a base_address names raw memory
        salvage       open it although it is damaged: lost pages are "unreadable". Without, damage is a HibtoolError
        without_base  open an incremental image although its base is not there
        base_address  of raw memory: physical address of the first byte
        page_size     of raw memory: bytes, 4096 otherwise
        swap_offset   of a device: page at which the image begins (the kernel's resume_offset)
        base_image    of an incremental image: file of its base, if that is not beside it
        passphrase    of an encrypted image
        """
        options = c.Options()
        options.size = c.sizeof(c.Options)
        options.flags = (c.SALVAGE * bool(salvage) | c.WITHOUT_BASE * bool(without_base)
                         | c.HAS_BASE_ADDRESS * (base_address is not None) | c.HAS_SWAP_OFFSET * (swap_offset is not None))
        options.format = None if format is None else _without_nul(format.encode(), "format")
        options.base_address = 0 if base_address is None else _uint64(base_address, "base_address")
        options.swap_offset = 0 if swap_offset is None else _uint64(swap_offset, "swap_offset")
        options.page_size = 0 if page_size is None else _within(page_size, "page_size", 1, 1 << 32)
        options.base_image = None if base_image is None else _without_nul(os.fsencode(base_image), "base_image")
        if passphrase is not None:
            secret = passphrase.encode() if isinstance(passphrase, str) else passphrase
            options.passphrase = _without_nul(secret, "passphrase")
        pointer = c.Pointer()
        _check(c.library.hibtool_open, _without_nul(os.fsencode(path), "path"), c.byref(options), c.byref(pointer))
        return cls(_Handle(pointer, c.library.hibtool_close))

    # ---- its life

    def close(self) -> None:
        """Closes the image. A second time does nothing. Runs that are being read go on."""
        self._handle = None

    @property
    def closed(self) -> bool:
        return self._handle is None

    def __enter__(self) -> "Image":
        self._open_handle()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 traceback: Optional[TracebackType]) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None) is not None:
            warnings.warn(f"unclosed image {self!r}", ResourceWarning, source=self)

    def __repr__(self) -> str:
        return f"<hibtool.Image {self._info['path']!r} ({self._info['format']}){' closed' if self.closed else ''}>"

    def _open_handle(self) -> _Handle:
        handle = self._handle
        if handle is None:
            raise ValueError("the image is closed")
        return handle

    # ---- what it is

    @property
    def info(self) -> Dict[str, Any]:
        """What opening the image has told, by the names of the document hibtool.inspect (docs/json.md). Addresses, page
        numbers and offsets are numbers here. Beside these: "swap_offset", "is_encrypted", "is_incremental"."""
        self._open_handle()
        return {name: _copy(value) for name, value in self._info.items()}

    @property
    def page_size(self) -> int:
        """Bytes of a page."""
        size: int = self._info["page_size"]
        return size

    @property
    def end_pfn(self) -> int:
        """One past the last page."""
        end: int = self._info["end_pfn"]
        return end

    @property
    def findings(self) -> List[Finding]:
        """What is worth knowing of the image, its damage among it."""
        handle = self._open_handle()
        out = []
        for index in range(c.library.hibtool_finding_count(handle.pointer)):
            found = _sized(c.Finding())
            _check(c.library.hibtool_get_finding, handle.pointer, index, c.byref(found))
            offset = found.offset if found.has_offset else None
            out.append(Finding(_text(found.code), _SEVERITIES[found.severity], offset, _text(found.text)))
        return out

    @property
    def records(self) -> List[Record]:
        """What the image knows of its machine."""
        handle = self._open_handle()
        out = []
        for index in range(c.library.hibtool_record_count(handle.pointer)):
            record = _sized(c.Record())
            _check(c.library.hibtool_get_record, handle.pointer, index, c.byref(record))
            out.append(Record(_bytes_text(record.type), record.version, _fields(record.fields)))
        return out

    # ---- its pages

    @property
    def runs(self) -> Iterator[Run]:
        """The pages that the image knows of, in ascending order, without reading them. Between the runs is no memory."""
        handle = self._open_handle()
        pointer = c.Pointer()
        _check(c.library.hibtool_runs_open, handle.pointer, c.byref(pointer))
        return _iterate(_Handle(pointer, c.library.hibtool_runs_close))

    def read_page(self, pfn: int) -> bytes:
        """One page: page number `pfn`, which is its physical address / page_size."""
        handle = self._open_handle()
        page = c.buffer(self.page_size)
        _check(c.library.hibtool_read_page, handle.pointer, _uint64(pfn, "pfn"), page, self.page_size)
        return bytes(page)

    def read(self, address: int, length: int, *, pad: bool = False) -> bytes:
        """`length` bytes of physical memory from `address` on. A page of them that the image does not hold, or that is damaged,
        is an error; with `pad` it reads as zeros."""
        handle = self._open_handle()
        start = _uint64(address, "address")
        size = _uint64(length, "length")
        if pad:
            return self._padded(start, size)
        if start + size > self.end_pfn * self.page_size and size > 0:
            self.read_page(max(start // self.page_size, self.end_pfn))  # the image says why it has none
        out = c.buffer(size)
        _check(c.library.hibtool_read, handle.pointer, start, out, size, None)
        return bytes(out)

    def _padded(self, start: int, size: int) -> bytes:
        handle = self._open_handle()
        out = bytearray(size)
        end = min(size, max(0, self.end_pfn * self.page_size - start))
        done = c.Size()
        at = 0
        while at < end:
            try:
                _check(c.library.hibtool_read, handle.pointer, start + at, c.part(out, at), end - at, c.byref(done))
                break
            except HibtoolError as error:
                if error.kind not in ("no-page", "corrupt", "truncated"):
                    raise  # the page may well be there
            at += done.value
            bad = min(end - at, self.page_size - (start + at) % self.page_size)
            out[at:at + bad] = bytes(bad)  # it may have been read in part
            at += bad
        return bytes(out)

    def holds(self, address: int, length: int = 1) -> bool:
        """Whether the image holds all these bytes, as far as its runs tell: a page may still turn out to be damaged."""
        self._open_handle()
        if self._memory is None:
            self._memory = _merged(self.runs, self.page_size)
        starts, ends = self._memory
        first = _uint64(address, "address")
        end = first + _uint64(length, "length")
        at = bisect.bisect_right(ends, first)
        return at < len(ends) and starts[at] <= first and end <= ends[at]

    def kernel_log(self) -> KernelLog:
        """What dmesg would show, out of the memory. HibtoolError of kind "not-found" where the image does not say where it
        lies."""
        handle = self._open_handle()
        pointer = c.Pointer()
        _check(c.library.hibtool_log_open, handle.pointer, c.byref(pointer))
        log = _Handle(pointer, c.library.hibtool_log_close)
        lines = []
        for index in range(c.library.hibtool_log_line_count(log.pointer)):
            line = _sized(c.LogLine())
            _check(c.library.hibtool_get_log_line, log.pointer, index, c.byref(line))
            text = c.string_at(line.text, line.text_bytes).decode("utf-8", "surrogateescape")
            lines.append(LogLine(line.time_ns, line.level, line.facility, _caller(line), text))
        return KernelLog(lines, c.library.hibtool_log_overwritten(log.pointer), c.library.hibtool_log_unreadable(log.pointer))


def _merged(runs: Iterator[Run], page_size: int) -> Tuple[List[int], List[int]]:
    """Where memory that can be read begins and ends, ascending."""
    starts: List[int] = []
    ends: List[int] = []
    for run in runs:
        if run.state not in ("data", "fill"):
            continue
        if ends[-1:] == [run.first_pfn * page_size]:
            ends.pop()
        else:
            starts.append(run.first_pfn * page_size)
        ends.append(run.end_pfn * page_size)
    return starts, ends


def _iterate(handle: _Handle) -> Iterator[Run]:
    run = _sized(c.Run())
    while _check(c.library.hibtool_runs_next, handle.pointer, c.byref(run)) != c.END:
        state = _PAGE_STATES[run.state]
        yield Run(run.first_pfn, run.count, state, run.fill if state == "fill" else None)


def _info_of(handle: _Handle) -> Dict[str, Any]:
    info = _sized(c.Info())
    _check(c.library.hibtool_get_info, handle.pointer, c.byref(info))
    pages = {"data": info.data_pages, "zero": info.zero_pages, "absent": info.absent_pages, "unreadable": info.unreadable_pages}
    pages["total"] = sum(pages.values())
    found_in = _text(info.found_in)
    return {
        "format": _text(info.format),
        "variant": _text(info.variant),
        "path": _text(info.path),
        "file_bytes": info.file_bytes,
        "found_in": found_in.split(",") if found_in else [],
        "state": _IMAGE_STATES[info.state],
        "codec": _text(info.codec),
        "page_size": info.page_size,
        "pages": pages,
        "end_pfn": info.end_pfn,
        "kernel": {
            "release": _optional(info.kernel_release),
            "version": _optional(info.kernel_version),
            "machine": _optional(info.kernel_machine),
            "build_id": _optional(info.build_id),
            "kaslr_slide": info.kaslr_slide if info.has_kaslr_slide else None,
        },
        "details": _fields(c.library.hibtool_details(handle.pointer)),
        "integrity": {"algorithm": _text(info.integrity_algorithm), "value": _optional(info.integrity_value)},
        "content_digest": _optional(info.content_digest),
        "swap_offset": info.swap_offset if info.has_swap_offset else None,
        "is_encrypted": bool(info.is_encrypted),
        "is_incremental": bool(info.is_incremental),
    }


def _fields(fields: Any) -> Dict[str, Any]:
    collected: Dict[str, List[Any]] = {}
    for index in range(c.library.hibtool_field_count(fields)):
        field = _sized(c.Field())
        _check(c.library.hibtool_get_field, fields, index, c.byref(field))
        collected.setdefault(_bytes_text(field.name), []).append(_value(field))
    return {name: values[0] if len(values) == 1 else values for name, values in collected.items()}


def _value(field: Any) -> Any:
    if field.kind == c.FIELD_NUMBER:
        return field.number
    if field.kind == c.FIELD_FIELDS:
        return _fields(field.fields)
    value = c.string_at(field.bytes, field.byte_count)
    return value if field.kind == c.FIELD_BYTES else value.decode("utf-8", "surrogateescape")


def _caller(line: Any) -> Optional[str]:
    if not line.has_caller:
        return None
    return f"CPU {line.caller & 0x7FFFFFFF}" if line.caller & 0x80000000 else f"thread {line.caller}"


def _copy(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else list(value) if isinstance(value, list) else value


def _sized(structure: Any) -> Any:
    structure.size = c.sizeof(structure)
    return structure


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _bytes_text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _optional(value: Optional[bytes]) -> Optional[str]:
    return None if value is None else _text(value)


def _within(value: int, name: str, low: int, end: int) -> int:
    number = operator.index(value)
    if not low <= number < end:
        raise ValueError(f"{name}: {number}, expected {low} to {end - 1}")
    return number


def _uint64(value: int, name: str) -> int:
    return _within(value, name, 0, _UINT64)


def _without_nul(value: bytes, name: str) -> bytes:
    if b"\0" in value:
        raise ValueError(f"{name}: a NUL byte in it")
    return value


def _check(function: Any, *arguments: Any) -> int:
    """Calls it with an error to fill, and raises that."""
    pointer = c.Pointer()
    status: int = function(*arguments, c.byref(pointer))
    if status in (c.OK, c.END):
        return status
    try:
        if status == c.NO_MEMORY:
            raise MemoryError("libhibtool")
        raise _error_of(pointer)
    finally:
        c.library.hibtool_error_free(pointer)


def _error_of(pointer: Any) -> HibtoolError:
    offset = c.Uint64()
    has_offset = c.library.hibtool_error_offset(pointer, c.byref(offset))
    text = {name: _text(getattr(c.library, f"hibtool_error_{name}")(pointer))
            for name in ("kind", "file", "where", "found", "allowed", "advice", "message")}
    return HibtoolError(text["message"], kind=text["kind"], file=text["file"], offset=offset.value if has_offset else None,
                        where=text["where"], found=text["found"], allowed=text["allowed"], advice=text["advice"])
