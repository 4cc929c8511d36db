"""The memory of bytes-like objects, as the library gets it: without a copy."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from ctypes import POINTER, Structure, c_char_p, c_int, c_ssize_t, c_void_p
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _View(Structure):
    """Py_buffer of the stable ABI."""

    _fields_ = [
        ("buf", c_void_p),
        ("obj", c_void_p),
        ("len", c_ssize_t),
        ("itemsize", c_ssize_t),
        ("readonly", c_int),
        ("ndim", c_int),
        ("format", c_char_p),
        ("shape", c_void_p),
        ("strides", c_void_p),
        ("suboffsets", c_void_p),
        ("internal", c_void_p),
    ]
    if TYPE_CHECKING:
        buf: int | None
        len: int


_api: Any = getattr(ctypes, "pythonapi", None)
if _api is not None:
    _get = _api.PyObject_GetBuffer
    _get.restype, _get.argtypes = c_int, [ctypes.py_object, POINTER(_View), c_int]
    _release = _api.PyBuffer_Release
    _release.restype, _release.argtypes = None, [POINTER(_View)]


@contextlib.contextmanager
def address(payload: ReadableBuffer) -> Iterator[tuple[int | None, int]]:
    """Address and length of a bytes-like object, which stays as it is meanwhile. Elements that do not lie in one piece are copied."""
    if isinstance(payload, str):
        raise TypeError("a payload is a bytes-like object, not str: encode it")
    view = memoryview(payload)
    if _api is None or not view.c_contiguous:
        whole = view.tobytes()
        yield ctypes.cast(c_char_p(whole), c_void_p).value, len(whole)
        return
    raw = _View()
    _get(view, ctypes.byref(raw), 0)  # PyBUF_SIMPLE; a failure is raised, as pythonapi does
    try:
        yield raw.buf, raw.len
    finally:
        _release(ctypes.byref(raw))
