"""PyTorch's devices, precisions and memory, for every backend that runs on it. Worker processes only."""

from __future__ import annotations

import gc
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import MemoryShort, VoiceError
from engine.platform import give_back_memory
from engine.voices.base import Settings
from engine.voices.media import Stopped

log = logging.getLogger(__name__)


def device_of(settings: Settings) -> torch.device:
    """Return the device that the settings name, the best there is for ``auto``. Raises VoiceError for a missing one."""
    wanted = str(settings["device"])
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        wanted = next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there[wanted]:
        raise VoiceError(f"device {wanted!r} is not there; there is: {', '.join(n for n, is_ in there.items() if is_)}")
    return torch.device(wanted)


def dtype_of(settings: Settings) -> torch.dtype:
    """Return the type that weights are loaded as; int8 is made from float32 afterwards."""
    return torch.bfloat16 if settings["precision"] == "bf16" else torch.float32


def quantize(module: nn.Module, settings: Settings) -> nn.Module:
    """Return ``module``, its linear layers in 8 bits where the settings say so. CPU only: raises VoiceError.

    One layer after the other: both kinds of all weights are never there together.
    """
    if settings["precision"] != "int8":
        return module
    if device_of(settings).type != "cpu":
        raise VoiceError("precision int8 is for the CPU; use bf16 on this device")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the successor of this function is slower; see docs/performance.md
        torch.ao.quantization.quantize_dynamic(module, {nn.Linear}, dtype=torch.qint8, inplace=True)
    return module


def settle() -> None:
    """Give back what loading a model has left: the weights that others were made of, what was read on the way."""
    gc.collect()
    give_back_memory()


def memory() -> dict[str, int]:
    """Return the bytes that this process holds on graphics devices, by device."""
    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        return {f"cuda:{n}": torch.cuda.memory_reserved(n) for n in range(count) if torch.cuda.memory_reserved(n)}
    if torch.backends.mps.is_available():
        return {"mps": torch.mps.driver_allocated_memory()}
    return {}


@contextmanager
def told_plainly(what: str) -> Iterator[None]:
    """Turn what PyTorch and transformers raise into errors that name the thing."""
    try:
        with torch.inference_mode():
            yield
    except torch.OutOfMemoryError as error:
        gc.collect()
        raise MemoryShort(f"{what}: there is not enough memory on the device") from error
    except (OSError, ValueError, KeyError, RuntimeError, AttributeError, IndexError, TypeError, ImportError) as error:
        log.exception("%s failed", what)
        first = str(error).strip().splitlines() or [type(error).__name__]
        raise VoiceError(f"{what} failed: {first[0][:300]}") from error


@contextmanager
def interruptible(model: nn.Module, stopped: Callable[[], bool]) -> Iterator[None]:
    """Let ``stopped`` end work inside ``model``: each of its layers asks before it begins. Raises Stopped."""

    def ask(_module: nn.Module, _args: Any) -> None:
        if stopped():
            raise Stopped

    layers = [child for module in model.modules() if isinstance(module, nn.ModuleList) for child in module]
    hooks = [layer.register_forward_pre_hook(ask) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def recorded(work: Callable[..., Any], *like: Tensor) -> Callable[..., Any]:
    """Return what does ``work`` on tensors of fixed shapes in one call: recorded as a CUDA graph, where there is one.

    Its answers lie in the same memory each time: use them before the next call. ``work`` runs a few times for it.
    """
    if not like[0].is_cuda:
        return work
    inputs = [tensor.clone() for tensor in like]
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(3):  # libraries choose their ways before anything is recorded
            work(*inputs)
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        answers = work(*inputs)

    def play(*values: Tensor) -> Any:
        for buffer, value in zip(inputs, values, strict=True):
            buffer.copy_(value)
        graph.replay()
        return answers

    return play


def seeded(seed: int) -> torch.Generator:
    """Return a source of chance that gives the same on every device and in every precision."""
    return torch.Generator().manual_seed(seed)
