"""StarCoder2: rotary positions, grouped queries, biases, a sliding window.

Lozhkov et al. 2024.
"""

from typing import TYPE_CHECKING

from starcoder_cli.engines.openvino.layers import AttentionHeads, GraphBuilder

if TYPE_CHECKING:
    from openvino import Model

    from starcoder_cli.engines.openvino.families.config import ModelConfig
    from starcoder_cli.engines.openvino.matrices import CheckpointWeights


def build(config: "ModelConfig", weights: "CheckpointWeights") -> "Model":
    """Build the graph of a checkpoint."""
    width, queries = config.count("hidden_size"), config.count("num_attention_heads")
    keys, window = config.count("num_key_value_heads", queries), config.count("sliding_window")
    size, epsilon = config.count("head_dim", width // queries), config.number("norm_epsilon", 1e-5)
    graph = GraphBuilder(weights, AttentionHeads(queries, keys, size, window))
    angles = graph.rotary_angles(config.rope())
    hidden = graph.embed("model.embed_tokens.weight")
    for layer in range(config.count("num_hidden_layers")):
        name = f"model.layers.{layer}"
        normed = graph.layer_norm(hidden, f"{name}.input_layernorm", epsilon)
        names = (f"{name}.self_attn.{each}_proj" for each in "qkv")
        query, key, value = (graph.linear(normed, each) for each in names)
        attended = graph.attend(
            graph.rotate(query, queries, angles), graph.rotate(key, keys, angles), value
        )
        hidden = graph.add(hidden, graph.linear(attended, f"{name}.self_attn.o_proj"))
        normed = graph.layer_norm(hidden, f"{name}.post_attention_layernorm", epsilon)
        inner = config.activate(graph.linear(normed, f"{name}.mlp.c_fc"), "hidden_act")
        hidden = graph.add(hidden, graph.linear(inner, f"{name}.mlp.c_proj"))
    hidden = graph.layer_norm(graph.wanted(hidden), "model.norm", epsilon)
    return graph.model(hidden, config.head("model.embed_tokens"))
