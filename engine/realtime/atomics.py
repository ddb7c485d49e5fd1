"""Loads and stores with an order that other processes see, on every processor.

Three instructions compiled once with LLVM (70 ms to import, 0.3 µs a call) so that processes which share memory need no
numba. They keep the GIL: a callback must not wait to get it back.
"""

from __future__ import annotations

import ctypes

import llvmlite.binding as llvm

_IR = """
define i64 @load_acquire(i64* %p) {
  %v = load atomic i64, i64* %p acquire, align 8
  ret i64 %v
}
define void @store_release(i64* %p, i64 %v) {
  store atomic i64 %v, i64* %p release, align 8
  ret void
}
define void @fence() {
  fence seq_cst
  ret void
}
"""


def _compile() -> llvm.ExecutionEngine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    ir = _IR if llvm.llvm_version_info[0] < 15 else _IR.replace("i64*", "ptr")  # LLVM 15 made pointers opaque
    module = llvm.parse_assembly(ir)
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine


_engine = _compile()  # owns the code that the functions below point to

_load = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(_engine.get_function_address("load_acquire"))
_store = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(_engine.get_function_address("store_release"))
_fence = ctypes.PYFUNCTYPE(None)(_engine.get_function_address("fence"))


def load_acquire(address: int) -> int:
    """Read the signed 64-bit word at ``address`` (8-byte aligned); what is read later is at least as new."""
    word: int = _load(address)
    return word


def store_release(address: int, value: int) -> None:
    """Write the signed 64-bit word at ``address`` (8-byte aligned); what was written before is visible with it."""
    _store(address, value)


def fence() -> None:
    """Order everything before against everything after, in both directions."""
    _fence()
