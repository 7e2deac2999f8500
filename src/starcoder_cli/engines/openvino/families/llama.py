"""Llama and its like: Mistral, Qwen2 with biases, Qwen3 with norms of queries and keys, Granite.

Touvron et al. 2023, Jiang et al. 2023, Yang et al. 2024 and 2025, Mishra et al. 2024. A family's
features are recognized by the names of its weights, and by the factors in Granite's settings.
"""

from typing import TYPE_CHECKING

from starcoder_cli.engines.openvino.layers import AttentionHeads, GraphBuilder

if TYPE_CHECKING:
    from openvino import Model, Node

    from starcoder_cli.engines.openvino.families.config import ModelConfig
    from starcoder_cli.engines.openvino.matrices import CheckpointWeights


def build(config: "ModelConfig", weights: "CheckpointWeights") -> "Model":
    """Build the graph of a checkpoint."""
    width, queries = config.count("hidden_size"), config.count("num_attention_heads")
    keys = config.count("num_key_value_heads", queries)
    size, epsilon = config.count("head_dim", width // queries), config.number("rms_norm_eps", 1e-6)
    scale, added = config.number("attention_multiplier", 0), config.number("residual_multiplier", 1)
    heads = AttentionHeads(queries, keys, size, config.sliding_window(), scale)
    graph = GraphBuilder(weights, heads)
    angles = graph.rotary_angles(config.rope())

    def turned(hidden: "Node", name: str, heads: int) -> "Node":
        if f"{name}_norm.weight" in weights:
            hidden = graph.rms_norm(graph.per_head(hidden, heads), f"{name}_norm", epsilon)
        return graph.rotate(hidden, heads, angles)

    hidden = graph.embed("model.embed_tokens.weight")
    hidden = graph.scale(hidden, config.number("embedding_multiplier", 1))
    for layer in range(config.count("num_hidden_layers")):
        name = f"model.layers.{layer}"
        normed = graph.rms_norm(hidden, f"{name}.input_layernorm", epsilon)
        names = (f"{name}.self_attn.{each}_proj" for each in "qkv")
        query, key, value = (graph.linear(normed, each) for each in names)
        attended = graph.attend(
            turned(query, f"{name}.self_attn.q", queries),
            turned(key, f"{name}.self_attn.k", keys),
            value,
        )
        attention = graph.linear(attended, f"{name}.self_attn.o_proj")
        hidden = graph.add(hidden, graph.scale(attention, added))
        normed = graph.rms_norm(hidden, f"{name}.post_attention_layernorm", epsilon)
        gate = config.activate(graph.linear(normed, f"{name}.mlp.gate_proj"), "hidden_act")
        inner = graph.multiply(gate, graph.linear(normed, f"{name}.mlp.up_proj"))
        hidden = graph.add(hidden, graph.scale(graph.linear(inner, f"{name}.mlp.down_proj"), added))
    hidden = graph.rms_norm(graph.wanted(hidden), "model.norm", epsilon)
    hidden = graph.scale(hidden, 1 / config.number("logits_scaling", 1))
    return graph.model(hidden, config.head("model.embed_tokens"))
