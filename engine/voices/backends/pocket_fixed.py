"""The backbone of pocket_tts on a graphics device: buffers that stay where they are, so that a step is one CUDA graph.

A step is hundreds of small calls, and on a fast device the calls take longer than what they do. Recorded once, they are
one call. Lines are rounded up to a power of two and positions to 256, so that few shapes are ever recorded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from engine.voices.backends.pocket_states import Layers, Prompt, heard, padded
from engine.voices.backends.torch_device import recorded

POSITIONS = 256
MOST_KEPT = 4
"""How many shapes keep their buffers: the one used longest ago gives them back."""


class FixedStates:
    """Buffers of one shape and what runs on them; ``States`` of one batch of lines at a time, after ``take``."""

    def __init__(self, model: Any, rows: int, length: int, flow_steps: int) -> None:
        config, device, dtype = model.config, model.device, model.dtype
        self._model, self._rows, self._length, self._lines = model, rows, length, 0
        shape = (rows, config.num_key_value_heads, length, config.head_dim)
        layers = range(config.num_hidden_layers)
        self._keys = [torch.zeros(shape, device=device, dtype=dtype) for _ in layers]
        self._values = [torch.zeros(shape, device=device, dtype=dtype) for _ in layers]
        self._seen = torch.ones(rows, 1, 1, length, device=device, dtype=torch.bool)
        self._place = torch.zeros(1, device=device, dtype=torch.long)
        self._where = self._place
        self._positions = torch.zeros(rows, 1, device=device, dtype=torch.long)
        self._placeholder = torch.full((rows, 1), config.audio_latent_token_id, device=device)
        self._ids = self._placeholder
        latent = torch.zeros(rows, 1, config.latent_dim, device=device, dtype=dtype)
        self._step: Callable[..., Any] = recorded(self._one, latent)
        hidden = torch.zeros(rows, config.hidden_size, device=device, dtype=dtype)
        self._sample: Callable[..., Any] = recorded(
            lambda condition, noise: model.sample_latent(condition, noise, flow_steps), hidden, latent[:, 0]
        )

    def take(self, prompts: Sequence[Prompt], voice: Layers) -> None:
        """Begin with other lines, at most as many as there are rows."""
        self._lines = len(prompts)
        every = [*prompts, *[prompts[-1]] * (self._rows - self._lines)]
        self._ids, pads = padded(every, self._model)
        before = voice[0][0].shape[2] if voice else 0
        end = before + self._ids.shape[1]
        for index, (keys, values) in enumerate(voice):
            self._keys[index][:, :, :before] = keys
            self._values[index][:, :, :before] = values
        mask = heard(pads, before, self._ids)
        self._seen.zero_()
        self._seen[:, 0, 0, :end] = mask
        self._positions.copy_(mask.sum(-1, keepdim=True))
        self._place.fill_(end)

    def begin(self) -> tuple[Tensor, Tensor]:
        """See ``States``."""
        longest, end = self._ids.shape[1], int(self._place)
        before = end - longest
        earlier = torch.ones(longest, self._length, device=self._ids.device, dtype=torch.bool).tril(before)
        itself = torch.zeros_like(earlier)
        itself.diagonal(before).fill_(True)  # else a padded row would see nothing, and nothing's average is no number
        positions = (self._seen[:, 0, 0, :end].cumsum(-1) - 1).clamp(min=0)[:, before:]
        self._where = torch.arange(before, end, device=self._ids.device)
        out = self._run((self._seen & earlier) | itself, positions, input_ids=self._ids)
        self._where = self._place
        return out[0][: self._lines], out[1][: self._lines]

    def step(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """See ``States``."""
        hidden, eos = self._step(self._whole(latent))
        return hidden[: self._lines], eos[: self._lines]

    def sample(self, hidden: Tensor, noise: Tensor) -> Tensor:
        """See ``States``."""
        latent: Tensor = self._sample(self._whole(hidden), self._whole(noise))
        return latent[: self._lines].clone()

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: Any) -> tuple[Tensor, Tensor]:
        """Keep what a layer heard, and return all that it did: what the model asks of a cache."""
        self._keys[layer].index_copy_(2, self._where, keys)
        self._values[layer].index_copy_(2, self._where, values)
        return self._keys[layer], self._values[layer]

    def _one(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        self._seen.index_fill_(-1, self._place, True)
        out = self._run(self._seen, self._positions, input_ids=self._placeholder, audio_latents=latent)
        self._place += 1
        self._positions += 1
        return out

    def _run(self, mask: Tensor, positions: Tensor, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        out = self._model(**inputs, attention_mask=mask, position_ids=positions, past_key_values=self, use_cache=True)
        return out.last_hidden_state[:, -1], out.logits[:, -1, 0].float()

    def _whole(self, part: Tensor) -> Tensor:
        missing = self._rows - len(part)
        return torch.cat([part, part.new_zeros(missing, *part.shape[1:])]) if missing else part


class FixedStore:
    """Lends buffers that fit; those that come back are lent again."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._kept: OrderedDict[tuple[int, int, int], FixedStates] = OrderedDict()

    @contextmanager
    def lent(self, prompts: Sequence[Prompt], voice: Layers, flow_steps: int) -> Iterator[FixedStates]:
        """Lend the states of ``prompts``. What begins meanwhile gets others."""
        before = voice[0][0].shape[2] if voice else 0
        wanted = before + max(len(p.ids) for p in prompts) + max(p.most_frames for p in prompts)
        shape = (1 << (len(prompts) - 1).bit_length(), -(-wanted // POSITIONS) * POSITIONS, flow_steps)
        states = self._kept.pop(shape, None) or FixedStates(self._model, *shape)
        states.take(prompts, voice)
        try:
            yield states
        finally:
            self._kept[shape] = states
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
