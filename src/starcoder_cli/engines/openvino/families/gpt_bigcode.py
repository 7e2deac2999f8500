"""StarCoder, StarCoderBase, SantaCoder: GPT-2 whose heads share keys and values.

Radford et al. 2019, Shazeer 2019 (multi-query attention), Li et al. 2023 (StarCoder).
"""

from typing import TYPE_CHECKING

from starcoder_cli.engines.openvino.layers import AttentionHeads, GraphBuilder

if TYPE_CHECKING:
    from openvino import Model

    from starcoder_cli.engines.openvino.families.config import ModelConfig
    from starcoder_cli.engines.openvino.matrices import CheckpointWeights


def build(config: "ModelConfig", weights: "CheckpointWeights") -> "Model":
    """Build the graph of a checkpoint."""
    width, queries = config.count("n_embd"), config.count("n_head")
    size, epsilon = width // queries, config.number("layer_norm_epsilon", 1e-5)
    config.require("multi_query", True)
    config.require("scale_attn_weights", True)
    graph = GraphBuilder(weights, AttentionHeads(queries, 1, size))
    hidden = graph.add(
        graph.embed("transformer.wte.weight"),
        graph.embed("transformer.wpe.weight", graph.positions),
    )
    for layer in range(config.count("n_layer")):
        name = f"transformer.h.{layer}"
        normed = graph.layer_norm(hidden, f"{name}.ln_1", epsilon)
        projected = graph.linear(normed, f"{name}.attn.c_attn")
        attended = graph.attend(*graph.split(projected, [width, size, size]))
        hidden = graph.add(hidden, graph.linear(attended, f"{name}.attn.c_proj"))
        normed = graph.layer_norm(hidden, f"{name}.ln_2", epsilon)
        inner = config.activate(graph.linear(normed, f"{name}.mlp.c_fc"), "activation_function")
        hidden = graph.add(hidden, graph.linear(inner, f"{name}.mlp.c_proj"))
    hidden = graph.layer_norm(graph.wanted(hidden), "transformer.ln_f", epsilon)
    return graph.model(hidden, config.head("transformer.wte"))
