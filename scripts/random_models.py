"""Pipelines of the supported kinds with random weights, as diffusers itself writes them.

    python -m scripts.random_models sd3 FOLDER

Seconds to make, less to run: every convention of a family is in them, nothing of what its weights know. Pictures made
with them are noise. For tests, for timing, and for a site that wants to try the way of a large model without one.
"""

from __future__ import annotations

import string
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    ChromaPipeline,
    ChromaTransformer2DModel,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    FluxPipeline,
    FluxTransformer2DModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

LETTERS = list(string.ascii_lowercase + ".,")
QWEN_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    "{% if not enable_thinking %}<think></think>{% endif %}"
)


def save_random(name: str, folder: Path) -> Path:
    """The pipeline ``name`` (a key of ``RANDOM``) in ``folder``, which is returned. The same each time."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of what diffusers' own models still use
        pipeline: Any = RANDOM[name]()
    # Fresh networks start at zero velocity; scrambled weights make every input matter.
    with torch.no_grad():
        for parameter in pipeline.transformer.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    pipeline.save_pretrained(folder)
    return folder


def _sd3(*, with_t5: bool, layers: int = 1, heads: int = 4, head: int = 8) -> StableDiffusion3Pipeline:
    return StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=16, patch_size=2, in_channels=4, out_channels=4, num_layers=layers, attention_head_dim=head,
            num_attention_heads=heads, joint_attention_dim=32, caption_projection_dim=heads * head,
            pooled_projection_dim=32, pos_embed_max_size=16,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_vae(), tokenizer=_clip_tokenizer(), tokenizer_2=_clip_tokenizer(),
        text_encoder=CLIPTextModelWithProjection(_clip_config(16)),
        text_encoder_2=CLIPTextModelWithProjection(_clip_config(16)),
        text_encoder_3=_t5() if with_t5 else None, tokenizer_3=_t5_tokenizer() if with_t5 else None,
    )  # fmt: skip


def _flux(*, guidance: bool, dynamic: bool) -> FluxPipeline:
    return FluxPipeline(
        transformer=FluxTransformer2DModel(
            patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16,
            num_attention_heads=2, joint_attention_dim=32, pooled_projection_dim=32, guidance_embeds=guidance,
            axes_dims_rope=(4, 4, 8),
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0 if dynamic else 1.0, use_dynamic_shifting=dynamic),
        vae=_vae(), tokenizer=_clip_tokenizer(), tokenizer_2=_t5_tokenizer(),
        text_encoder=CLIPTextModel(_clip_config(32)), text_encoder_2=_t5(),
    )  # fmt: skip


def _klein(*, distilled: bool) -> Flux2KleinPipeline:
    vae: Any = AutoencoderKLFlux2(
        block_out_channels=(4,) * 4, layers_per_block=1, latent_channels=4, norm_num_groups=2,
    )  # fmt: skip
    vae.bn.running_mean.copy_(torch.randn(16) * 0.3)
    vae.bn.running_var.copy_(torch.rand(16) + 0.5)
    return Flux2KleinPipeline(
        transformer=Flux2Transformer2DModel(
            in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
            joint_attention_dim=48, timestep_guidance_channels=16, axes_dims_rope=(4, 4, 4, 4), guidance_embeds=False,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=vae, tokenizer=_qwen_tokenizer(), text_encoder=_qwen3(layers=28), is_distilled=distilled,
    )  # fmt: skip


def _z_image(*, shift: float) -> ZImagePipeline:
    return ZImagePipeline(
        transformer=ZImageTransformer2DModel(
            in_channels=4, dim=32, n_layers=1, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=16,
            axes_dims=[4, 6, 6], axes_lens=[1024, 64, 64],
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=shift),
        vae=_vae(), tokenizer=_qwen_tokenizer(), text_encoder=_qwen3(layers=2),
    )  # fmt: skip


def _qwen_image() -> QwenImagePipeline:
    text = {
        "vocab_size": 259, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "bos_token_id": 0, "eos_token_id": 0,
        "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1000000.0},
    }  # fmt: skip
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16}
    return QwenImagePipeline(
        transformer=QwenImageTransformer2DModel(
            in_channels=16, out_channels=4, num_layers=1, attention_head_dim=16, num_attention_heads=2,
            joint_attention_dim=16, axes_dims_rope=(4, 6, 6),
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(
            shift=1.0, use_dynamic_shifting=True, base_shift=0.5, max_shift=0.9, max_image_seq_len=8192,
            shift_terminal=0.02,
        ),
        vae=AutoencoderKLQwenImage(
            base_dim=4, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1, latents_mean=[0.1, -0.2, 0.3, 0.0],
            latents_std=[1.1, 0.9, 1.3, 0.7],
        ),
        tokenizer=_qwen_tokenizer(),
        text_encoder=Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision)),
    )  # fmt: skip


def _chroma() -> ChromaPipeline:
    return ChromaPipeline(
        transformer=ChromaTransformer2DModel(
            in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
            joint_attention_dim=32, axes_dims_rope=(4, 4, 8), approximator_num_channels=8,
            approximator_hidden_dim=32, approximator_layers=1,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=_vae(), tokenizer=_t5_tokenizer(), text_encoder=_t5(),
    )  # fmt: skip


RANDOM: dict[str, Callable[[], Any]] = {
    "sd3": lambda: _sd3(with_t5=True),
    "sd3-no-t5": lambda: _sd3(with_t5=False),
    "sd3-mid": lambda: _sd3(with_t5=True, layers=3, heads=8, head=64),
    "flux-dev": lambda: _flux(guidance=True, dynamic=True),
    "flux-schnell": lambda: _flux(guidance=False, dynamic=False),
    "klein-base": lambda: _klein(distilled=False),
    "klein": lambda: _klein(distilled=True),
    "z-image": lambda: _z_image(shift=6.0),
    "z-image-turbo": lambda: _z_image(shift=3.0),
    "qwen-image": _qwen_image,
    "chroma": _chroma,
}


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(4,) * 4, layers_per_block=1, latent_channels=4, norm_num_groups=2, use_quant_conv=False,
        use_post_quant_conv=False, scaling_factor=1.5305, shift_factor=0.0609,
    )  # fmt: skip


def _clip_config(width: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=2 * len(LETTERS) + 2, hidden_size=width, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, projection_dim=16, max_position_embeddings=77,
        bos_token_id=2 * len(LETTERS), eos_token_id=2 * len(LETTERS) + 1, pad_token_id=2 * len(LETTERS) + 1,
    )  # fmt: skip


def _clip_tokenizer() -> CLIPTokenizer:
    pieces = [*LETTERS, *(letter + "</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer({piece: number for number, piece in enumerate(pieces)}, [], model_max_length=77)


def _t5() -> T5EncoderModel:
    return T5EncoderModel(
        T5Config(vocab_size=len(LETTERS) + 4, d_model=32, d_kv=16, d_ff=32, num_layers=1, num_heads=2)
    )


def _t5_tokenizer() -> T5Tokenizer:
    pieces = ["<pad>", "</s>", "<unk>", "▁", *LETTERS]
    return T5Tokenizer([(piece, 0.0) for piece in pieces], extra_ids=0, model_max_length=512)


def _qwen3(layers: int) -> Qwen3ForCausalLM:
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=259, hidden_size=16, intermediate_size=16, num_hidden_layers=layers, num_attention_heads=2,
            num_key_value_heads=1, head_dim=8, tie_word_embeddings=True,
        )
    )  # fmt: skip


def _qwen_tokenizer() -> Qwen2Tokenizer:
    pieces = [*QWEN_SPECIAL, *sorted(ByteLevel.alphabet())]
    tokenizer = Qwen2Tokenizer(
        vocab={piece: number for number, piece in enumerate(pieces)}, merges=[], model_max_length=1100,
        additional_special_tokens=QWEN_SPECIAL[1:],
    )  # fmt: skip
    tokenizer.chat_template = CHAT
    return tokenizer


if __name__ == "__main__":
    save_random(sys.argv[1], Path(sys.argv[2]))
