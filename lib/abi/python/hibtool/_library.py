"""<hibtool.h> for ctypes. tests/abi/test_python.py compares the two."""

import ctypes
import os
from ctypes import (POINTER, Structure, byref, c_char_p, c_int, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p, sizeof,
                    string_at)
from typing import Any

__all__ = ["byref", "sizeof", "string_at"]

OK, END, NO_MEMORY = 0, -1, 13
SALVAGE, WITHOUT_BASE, HAS_BASE_ADDRESS, HAS_SWAP_OFFSET = 1, 2, 4, 8
FIELD_NUMBER, FIELD_TEXT, FIELD_BYTES, FIELD_FIELDS = 0, 1, 2, 3

Pointer = c_void_p
Size = c_size_t
Uint64 = c_uint64


def buffer(size: int) -> Any:
    """Bytes for C to fill."""
    return (ctypes.c_char * size)()


def part(whole: bytearray, begin: int) -> Any:
    """The bytes of it from `begin` on, for C to fill."""
    return (ctypes.c_char * (len(whole) - begin)).from_buffer(whole, begin)


class Options(Structure):
    _fields_ = [("size", c_size_t), ("flags", c_uint32), ("page_size", c_uint32), ("format", c_char_p), ("base_address", c_uint64),
                ("swap_offset", c_uint64), ("base_image", c_char_p), ("passphrase", c_char_p)]


class Info(Structure):
    _fields_ = [("size", c_size_t), ("page_size", c_uint32), ("state", c_uint32), ("file_bytes", c_uint64), ("data_pages", c_uint64),
                ("zero_pages", c_uint64), ("absent_pages", c_uint64), ("unreadable_pages", c_uint64), ("end_pfn", c_uint64),
                ("format", c_char_p), ("variant", c_char_p), ("path", c_char_p), ("found_in", c_char_p), ("codec", c_char_p),
                ("kernel_release", c_char_p), ("kernel_version", c_char_p), ("kernel_machine", c_char_p), ("build_id", c_char_p),
                ("integrity_algorithm", c_char_p), ("integrity_value", c_char_p), ("content_digest", c_char_p),
                ("kaslr_slide", c_uint64), ("swap_offset", c_uint64), ("has_kaslr_slide", c_uint8), ("has_swap_offset", c_uint8),
                ("is_encrypted", c_uint8), ("is_incremental", c_uint8)]


class Finding(Structure):
    _fields_ = [("size", c_size_t), ("severity", c_uint32), ("has_offset", c_uint32), ("offset", c_uint64), ("code", c_char_p),
                ("text", c_char_p)]


class Run(Structure):
    _fields_ = [("size", c_size_t), ("first_pfn", c_uint64), ("count", c_uint64), ("state", c_uint32), ("fill", c_uint32)]


class Field(Structure):
    _fields_ = [("size", c_size_t), ("name", c_char_p), ("kind", c_uint32), ("reserved", c_uint32), ("number", c_uint64),
                ("bytes", c_void_p), ("byte_count", c_size_t), ("fields", c_void_p)]


class Record(Structure):
    _fields_ = [("size", c_size_t), ("type", c_char_p), ("version", c_uint32), ("reserved", c_uint32), ("fields", c_void_p)]


class LogLine(Structure):
    _fields_ = [("size", c_size_t), ("time_ns", c_uint64), ("level", c_uint32), ("facility", c_uint32), ("text", c_void_p),
                ("text_bytes", c_size_t), ("caller", c_uint32), ("has_caller", c_uint32)]


_ERROR = POINTER(c_void_p)
_HANDLE = POINTER(c_void_p)

# name -> (result, arguments)
FUNCTIONS: Any = {
    "hibtool_version": (c_char_p, []),
    "hibtool_error_status": (c_int, [c_void_p]),
    "hibtool_error_kind": (c_char_p, [c_void_p]),
    "hibtool_error_file": (c_char_p, [c_void_p]),
    "hibtool_error_offset": (c_int, [c_void_p, POINTER(c_uint64)]),
    "hibtool_error_where": (c_char_p, [c_void_p]),
    "hibtool_error_found": (c_char_p, [c_void_p]),
    "hibtool_error_allowed": (c_char_p, [c_void_p]),
    "hibtool_error_advice": (c_char_p, [c_void_p]),
    "hibtool_error_message": (c_char_p, [c_void_p]),
    "hibtool_error_free": (None, [c_void_p]),
    "hibtool_open": (c_int, [c_char_p, POINTER(Options), _HANDLE, _ERROR]),
    "hibtool_close": (None, [c_void_p]),
    "hibtool_get_info": (c_int, [c_void_p, POINTER(Info), _ERROR]),
    "hibtool_finding_count": (c_size_t, [c_void_p]),
    "hibtool_get_finding": (c_int, [c_void_p, c_size_t, POINTER(Finding), _ERROR]),
    "hibtool_runs_open": (c_int, [c_void_p, _HANDLE, _ERROR]),
    "hibtool_runs_next": (c_int, [c_void_p, POINTER(Run), _ERROR]),
    "hibtool_runs_close": (None, [c_void_p]),
    "hibtool_read_page": (c_int, [c_void_p, c_uint64, c_void_p, c_size_t, _ERROR]),
    "hibtool_read_pages": (c_int, [c_void_p, c_uint64, c_uint64, c_void_p, c_size_t, POINTER(c_uint64), _ERROR]),
    "hibtool_read": (c_int, [c_void_p, c_uint64, c_void_p, c_size_t, POINTER(c_size_t), _ERROR]),
    "hibtool_record_count": (c_size_t, [c_void_p]),
    "hibtool_get_record": (c_int, [c_void_p, c_size_t, POINTER(Record), _ERROR]),
    "hibtool_field_count": (c_size_t, [c_void_p]),
    "hibtool_get_field": (c_int, [c_void_p, c_size_t, POINTER(Field), _ERROR]),
    "hibtool_details": (c_void_p, [c_void_p]),
    "hibtool_log_open": (c_int, [c_void_p, _HANDLE, _ERROR]),
    "hibtool_log_line_count": (c_size_t, [c_void_p]),
    "hibtool_log_overwritten": (c_uint64, [c_void_p]),
    "hibtool_log_unreadable": (c_uint64, [c_void_p]),
    "hibtool_get_log_line": (c_int, [c_void_p, c_size_t, POINTER(LogLine), _ERROR]),
    "hibtool_log_close": (None, [c_void_p]),
}


def _load() -> Any:
    loaded = ctypes.CDLL(os.environ.get("HIBTOOL_LIBRARY") or "libhibtool.so.0")
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(loaded, name)
        function.restype = result
        function.argtypes = arguments
    return loaded


library = _load()
