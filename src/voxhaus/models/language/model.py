"""The decoder: token ids in, what follows out; a mixture of experts or dense.

Knows: layers, their start values, and the losses of a language model.
Refuses to know: tokenizers, data, optimisers, files.

Shapes: B batch, T time, N = B * T, D width, V vocabulary. Parameters carry transformers' names
(Qwen3-MoE, Qwen3, Llama); `weights.py` says what becomes of stacked experts in files.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from voxhaus.models.language.config import LanguageConfig
from voxhaus.models.nn.decoder import (
    Attention,
    PlainFeedForward,
    RMSNorm,
    SwiGLU,
    packed_mask,
    rotations,
)
from voxhaus.models.nn.experts import Experts, Routing


@dataclass(frozen=True, kw_only=True)
class RouterLosses:
    """Mean over layers of what keeps routers even and calm.

    Attributes:
        balance: 1 when even.
        z: squared log-sum-exp of router logits.
        busiest: the largest share of a layer's tokens that one expert got, times the experts.
    """

    balance: Tensor
    z: Tensor
    busiest: Tensor


class Layer(nn.Module):
    """Attention, then feed-forward or experts, each on a normed stream and added to it."""

    def __init__(self, config: LanguageConfig, *, plain: bool) -> None:
        super().__init__()
        c = config
        self.input_layernorm = RMSNorm(c.hidden_size, c.norm_eps)
        self.self_attn = Attention(
            c.hidden_size, c.heads, c.kv_heads, c.head_dim, qk_norm=c.qk_norm, eps=c.norm_eps
        )
        self.post_attention_layernorm = RMSNorm(c.hidden_size, c.norm_eps)
        self.mlp: Experts | SwiGLU | PlainFeedForward
        if c.experts:
            self.mlp = Experts(
                c.hidden_size,
                c.expert_size,
                c.experts,
                c.experts_per_token,
                normalise=c.norm_topk_prob,
            )
        else:
            self.mlp = (PlainFeedForward if plain else SwiGLU)(c.hidden_size, c.intermediate_size)

    def forward(
        self, x_BTD: Tensor, turn: tuple[Tensor, Tensor], mask_B1TT: Tensor | None
    ) -> tuple[Tensor, Routing | None]:
        """The stream after this layer, and where its tokens went."""
        x_BTD = x_BTD + self.self_attn(self.input_layernorm(x_BTD), turn, mask_B1TT)
        x_ND = self.post_attention_layernorm(x_BTD).flatten(0, 1)
        if isinstance(self.mlp, Experts):
            y_ND, routing = self.mlp(x_ND)
            return x_BTD + y_ND.view_as(x_BTD), routing
        return x_BTD + self.mlp(x_ND).view_as(x_BTD), None


class Stack(nn.Module):
    """Embedding, layers, last norm."""

    def __init__(self, config: LanguageConfig, *, plain: bool) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config, plain=plain) for _ in range(config.layers))
        self.norm = RMSNorm(config.hidden_size, config.norm_eps)


class LanguageModel(nn.Module):
    """A decoder-only language model.

    Args:
        config: sizes.
        plain: GPT-2's feed-forward in place of SwiGLU; a baseline that cannot be exported.
        recompute: layers are computed again in the backward pass, for memory.
    """

    def __init__(
        self, config: LanguageConfig, *, plain: bool = False, recompute: bool = False
    ) -> None:
        super().__init__()
        self.config, self.recompute = config, recompute
        self.model = Stack(config, plain=plain)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        if config.tied:
            self.lm_head.weight = self.model.embed_tokens.weight
        cos, sin = rotations(config.context, config.head_dim, config.rope_theta)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.cos: Tensor
        self.sin: Tensor
        self._start()

    def _start(self) -> None:
        """Products begin at 1/sqrt(width in), those that end a branch at zero (Zhang et al. 2019).

        A branch that begins at zero leaves the stream as it is; every layer then learns from the
        first step.
        """
        for name, parameter in self.named_parameters():
            last = name.split(".")[-1] if "proj" in name.split(".")[-1] else name.split(".")[-2]
            if last in ("o_proj", "down_proj"):
                nn.init.zeros_(parameter)
            elif last in ("embed_tokens", "lm_head"):
                nn.init.normal_(parameter, std=0.02 if self.config.tied else 1.0)
            elif parameter.dim() > 1:
                nn.init.normal_(parameter, std=1 / math.sqrt(parameter.shape[-1]))
        if not self.config.tied:
            nn.init.zeros_(self.lm_head.weight)

    def hidden(
        self, tokens_BT: Tensor, document_BT: Tensor | None = None
    ) -> tuple[Tensor, list[Routing]]:
        """The last normed stream [B, T, D], and where tokens went in each layer with experts.

        Args:
            tokens_BT: ids; T at most the context.
            document_BT: a number for each token's document; tokens see their own document only.
                None: a row is one document.
        """
        x_BTD = self.model.embed_tokens(tokens_BT)
        if torch.is_autocast_enabled(x_BTD.device.type):
            x_BTD = x_BTD.to(torch.get_autocast_dtype(x_BTD.device.type))
        length = tokens_BT.shape[1]
        turn = self.cos[:length], self.sin[:length]
        mask = None if document_BT is None else packed_mask(document_BT)
        routings = []
        for layer in self.model.layers:
            if self.recompute and self.training:
                x_BTD, routing = checkpoint(layer, x_BTD, turn, mask, use_reentrant=False)
            else:
                x_BTD, routing = layer(x_BTD, turn, mask)
            if routing is not None:
                routings.append(routing)
        return self.model.norm(x_BTD), routings

    def forward(self, tokens_BT: Tensor, document_BT: Tensor | None = None) -> Tensor:
        """Logits [B, T, V]."""
        return self.lm_head(self.hidden(tokens_BT, document_BT)[0])

    def losses(
        self, tokens_BT: Tensor, target_BT: Tensor, document_BT: Tensor | None = None
    ) -> tuple[Tensor, RouterLosses | None]:
        """Nats that each target costs [B, T], float32, and the routers' terms."""
        x_BTD, routings = self.hidden(tokens_BT, document_BT)
        logits_NV = self.lm_head(x_BTD).flatten(0, 1).float()
        nats_N = functional.cross_entropy(logits_NV, target_BT.flatten(), reduction="none")
        # A copy: FSDP warns of views, which could be changed in place.
        return nats_N.view_as(target_BT).clone(), _router_losses(routings)


def _router_losses(routings: list[Routing]) -> RouterLosses | None:
    if not routings:
        return None
    counts_LE = torch.stack([r.count_E for r in routings]).float()
    return RouterLosses(
        balance=torch.stack([r.balance for r in routings]).mean(),
        z=torch.stack([r.z for r in routings]).mean(),
        busiest=(counts_LE.amax(1) / counts_LE.mean(1)).mean(),
    )
