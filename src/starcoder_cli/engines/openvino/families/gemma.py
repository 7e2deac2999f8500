"""Gemma and CodeGemma: norms around 1, a gate of GELU, and an embedding as large as the rest.

Gemma Team 2024.
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
    keys = config.count("num_key_value_heads", queries)
    size, epsilon = config.count("head_dim", width // queries), config.number("rms_norm_eps", 1e-6)
    graph = GraphBuilder(weights, AttentionHeads(queries, keys, size))
    angles = graph.rotary_angles(config.rope())
    activation = "hidden_activation" if config.values.get("hidden_activation") else "hidden_act"
    hidden = graph.scale(graph.embed("model.embed_tokens.weight"), width**0.5)
    for layer in range(config.count("num_hidden_layers")):
        name = f"model.layers.{layer}"
        normed = graph.rms_norm(hidden, f"{name}.input_layernorm", epsilon, offset=1)
        names = (f"{name}.self_attn.{each}_proj" for each in "qkv")
        query, key, value = (graph.linear(normed, each) for each in names)
        attended = graph.attend(
            graph.rotate(query, queries, angles), graph.rotate(key, keys, angles), value
        )
        hidden = graph.add(hidden, graph.linear(attended, f"{name}.self_attn.o_proj"))
        normed = graph.rms_norm(hidden, f"{name}.post_attention_layernorm", epsilon, offset=1)
        gate = config.activate(graph.linear(normed, f"{name}.mlp.gate_proj"), activation)
        inner = graph.multiply(gate, graph.linear(normed, f"{name}.mlp.up_proj"))
        hidden = graph.add(hidden, graph.linear(inner, f"{name}.mlp.down_proj"))
    hidden = graph.rms_norm(graph.wanted(hidden), "model.norm", epsilon, offset=1)
    return graph.model(hidden, config.head("model.embed_tokens"))
