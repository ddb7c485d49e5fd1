"""The decoder of a Mimi-like codec as a stream: latents or codes in, sound out, the same however they are cut.

transformers caches the codec's transformer between calls, but not its convolutions, which leaves audible seams. Here
each convolution keeps the end of its input: causal ones their left context, transposed ones (whose kernel is two
strides long) the last frame, whose second half overlaps the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache


class CodecStream:
    """Decodes one batch of lines, a few frames at a time.

    decoder: of Mimi or of pocket_tts's codec, in evaluation mode. enter: makes of frames what the decoder starts from:
    (lines, channels, frames).
    """

    def __init__(self, decoder: Any, enter: Callable[[Tensor], Tensor]) -> None:
        self._decoder, self._enter = decoder, enter
        self._cache = DynamicCache(config=self._decoder.config)
        self._tails: dict[nn.Module, Tensor] = {}

    def decode(self, frames: Tensor) -> Tensor:
        """Return the sound, (lines, samples), of frames that follow those before."""
        hidden = self._spread(self._decoder.upsample, self._enter(frames))
        hidden = self._decoder.decoder_transformer(
            hidden.transpose(1, 2), past_key_values=self._cache, use_cache=True
        ).last_hidden_state.transpose(1, 2)
        for layer in self._decoder.decoder_seanet.layers:
            hidden = self._layer(layer, hidden)
        return hidden[:, 0]

    def _layer(self, layer: Any, hidden: Tensor) -> Tensor:
        kind = type(layer).__name__
        if kind.endswith("ConvTranspose1d"):
            return self._spread(layer, hidden)
        if kind.endswith("Conv1d"):
            return self._convolve(layer, hidden)
        if kind.endswith("ResnetBlock"):
            inner = hidden
            for step in layer.block:
                inner = self._layer(step, inner)
            return inner + self._layer(layer.shortcut, hidden)
        passed: Tensor = layer(hidden)
        return passed

    def _convolve(self, layer: Any, hidden: Tensor) -> Tensor:
        """Run a causal convolution of stride 1 behind the input that it saw before."""
        context = (layer.conv.kernel_size[0] - 1) * layer.conv.dilation[0]
        if context:
            hidden = torch.cat([self._tail(layer, hidden, context), hidden], dim=-1)
            self._tails[layer] = hidden[..., -context:]
        convolved: Tensor = layer.conv(hidden)
        return convolved

    def _spread(self, layer: Any, hidden: Tensor) -> Tensor:
        """Run a transposed convolution of two strides' length behind the last frame that it saw before."""
        stride = layer.conv.stride[0]
        joined = torch.cat([self._tail(layer, hidden, 1), hidden], dim=-1)
        self._tails[layer] = hidden[..., -1:]
        spread: Tensor = layer.conv(joined)
        return spread[..., stride : stride + hidden.shape[-1] * stride]

    def _tail(self, layer: nn.Module, like: Tensor, length: int) -> Tensor:
        tail = self._tails.get(layer)
        return like.new_zeros(*like.shape[:2], length) if tail is None else tail
