"""The network to and from an ONNX file."""

from __future__ import annotations

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from seechange_rbscore.features import N_FEATURES
from seechange_rbscore.planes import N_PLANES, SIZE
from seechange_rbscore.training.architecture import POOLED, RealBogusNetwork

_OPSET, _IR_VERSION = 17, 8


def to_onnx(network: RealBogusNetwork, threshold: float) -> bytes:
    """Return the network, with its recommended threshold, as an ONNX file: equal weights give equal bytes."""
    nodes: list[onnx.NodeProto] = []

    def apply(kind: str, *inputs: str, name: str = "", **attributes: object) -> str:
        result = name or f"value{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [result], **attributes))
        return result

    def linear(layer: str, values: str) -> str:
        return apply("Gemm", values, f"{layer}.weight", f"{layer}.bias", transB=1)

    value = "planes"
    for number in range(len(network.convolutions)):
        layer = f"convolutions.{number}"
        value = apply(
            "Conv", value, f"{layer}.weight", f"{layer}.bias", kernel_shape=[3, 3], pads=[1, 1, 1, 1]
        )
        value = apply("Relu", value)
        if number in POOLED:
            value = apply("MaxPool", value, kernel_shape=[2, 2], strides=[2, 2])
    seen = apply("Relu", linear("stamps", apply("Flatten", value)))
    known = apply("Relu", linear("features", "features"))
    hidden = apply("Relu", linear("hidden", apply("Concat", seen, known, axis=1)))
    log_odds = apply("Squeeze", linear("output", hidden), "last_axis")
    apply("Sigmoid", log_odds, name="score")
    weights = [
        numpy_helper.from_array(tensor.detach().numpy().astype(np.float32), name)
        for name, tensor in network.state_dict().items()
    ]
    weights.append(numpy_helper.from_array(np.array([1], np.int64), "last_axis"))
    shapes = {"planes": ["n", N_PLANES, SIZE, SIZE], "features": ["n", N_FEATURES]}
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    outputs = [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n"])]
    graph = helper.make_graph(nodes, "rbscore", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    helper.set_model_props(model, {"threshold": repr(threshold)})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def from_onnx(weights: bytes) -> RealBogusNetwork:
    """Return the network that `to_onnx` wrote."""
    model = onnx.load_from_string(weights)
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    network = RealBogusNetwork()
    network.load_state_dict({name: torch.tensor(tensors[name]) for name in network.state_dict()})
    return network
