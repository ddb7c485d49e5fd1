"""A pocket model for sherpa-onnx, written here as ONNX: five tiny graphs with the inputs that it gives, and tables."""

import json
from pathlib import Path

import numpy as np
import onnx

FRAME_SAMPLES, LATENT, WIDTH = 1920, 32, 1024
LAST_STEP = 20
SIGNS = "▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,!?'"
FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


def save_pocket_parts(folder: Path) -> Path:
    """Write all of it into ``folder`` and return it. Its sound is louder for a louder sample."""
    save_graph(folder / "text_conditioner.onnx", {"token_ids": (INT64, [1, "n"])}, {"out": [1, "n", WIDTH]}, [
        ("Cast", ["token_ids"], ["real"], {"to": FLOAT}),
        ("Unsqueeze", ["real", "last"], ["column"], {}),
        ("Mul", ["column", "little"], ["out"], {}),
    ], {"last": np.array([-1]), "little": np.full((1, 1, WIDTH), 1e-10, "f4")})  # fmt: skip
    save_graph(folder / "encoder.onnx", {"audio": (FLOAT, [1, 1, "n"])}, {"out": [1, 1, WIDTH]}, [
        ("Abs", ["audio"], ["loud"], {}),
        ("ReduceMean", ["loud"], ["level"], {"axes": [2], "keepdims": 1}),
        ("Mul", ["level", "share"], ["out"], {}),
    ], {"share": np.full((1, 1, WIDTH), 1.0 / WIDTH, "f4")})  # fmt: skip
    save_graph(folder / "lm_main.onnx", {
        "seq": (FLOAT, [1, "s", LATENT]), "embeddings": (FLOAT, [1, "e", WIDTH]), "count": (FLOAT, [1]),
        "level": (FLOAT, [1]),
    }, {"conditioning": [1, LATENT], "eos": [1, 1], "count_out": [1], "level_out": [1]}, [
        ("Shape", ["seq"], ["shape"], {}),
        ("Gather", ["shape", "second"], ["steps"], {}),
        ("Cast", ["steps"], ["more"], {"to": FLOAT}),
        ("Add", ["count", "more"], ["count_out"], {}),
        ("ReduceSum", ["embeddings"], ["heard"], {"keepdims": 0}),
        ("Add", ["level", "heard"], ["level_out"], {}),
        ("Expand", ["level_out", "wide"], ["conditioning"], {}),
        ("Sub", ["count_out", "last"], ["sure"], {}),
        ("Reshape", ["sure", "square"], ["eos"], {}),
    ], {"second": np.array([1]), "wide": np.array([1, LATENT]), "square": np.array([1, 1]),
        "last": np.array([LAST_STEP], "f4")})  # fmt: skip
    save_graph(folder / "lm_flow.int8.onnx", {
        "c": (FLOAT, [1, LATENT]), "s": (FLOAT, [1, 1]), "t": (FLOAT, [1, 1]), "x": (FLOAT, [1, LATENT]),
    }, {"out": [1, LATENT]}, [
        ("Sub", ["c", "x"], ["way"], {}), ("Mul", ["t", "none"], ["nil"], {}), ("Sub", ["one", "s"], ["left"], {}),
        ("Add", ["left", "nil"], ["time"], {}), ("Div", ["way", "time"], ["out"], {}),
    ], {"none": np.zeros((1, 1), "f4"), "one": np.ones((1, 1), "f4")})  # fmt: skip
    wave = np.sin(2 * np.pi * np.arange(FRAME_SAMPLES) / 64).astype("f4")
    save_graph(folder / "decoder.onnx", {"latent": (FLOAT, [1, "t", LATENT]), "state": (FLOAT, [1])},
          {"audio": [1, 1, "n"], "state_out": [1]}, [
        ("ReduceMean", ["latent"], ["level"], {"axes": [2], "keepdims": 1}),
        ("Mul", ["level", "wave"], ["waves"], {}), ("Reshape", ["waves", "row"], ["audio"], {}),
        ("Identity", ["state"], ["state_out"], {}),
    ], {"wave": wave, "row": np.array([1, 1, -1])})  # fmt: skip
    tokens = [*SIGNS, *(f"<0x{byte:02X}>" for byte in range(256))]
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    (folder / "token_scores.json").write_text(json.dumps(dict.fromkeys(tokens, -1.0)))
    return folder


def save_graph(path, inputs, outputs, nodes, constants, notes=None):
    """Write a graph: inputs by name (type, shape), outputs by name, nodes, constants, and what it notes of itself."""
    helper = onnx.helper
    made = helper.make_graph(
        [helper.make_node(kind, takes, gives, **more) for kind, takes, gives, more in nodes],
        path.stem,
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in outputs.items()],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if notes:
        helper.set_model_props(model, notes)
    onnx.save(model, path)
