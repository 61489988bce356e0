"""Tiny pipelines of the supported kinds, with random weights, as diffusers itself writes them."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

LETTERS = list(string.ascii_lowercase + ".,")


@pytest.fixture(scope="session")
def sd3_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _sd3(tmp_path_factory.mktemp("models") / "tiny-sd3", with_t5=True)


@pytest.fixture(scope="session")
def sd3_without_t5_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _sd3(tmp_path_factory.mktemp("models") / "tiny-sd3-no-t5", with_t5=False)


@pytest.fixture(scope="session")
def flux_dev_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _flux(tmp_path_factory.mktemp("models") / "tiny-flux-dev", guidance=True, dynamic=True)


@pytest.fixture(scope="session")
def flux_schnell_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _flux(tmp_path_factory.mktemp("models") / "tiny-flux-schnell", guidance=False, dynamic=False)


def _sd3(folder: Path, *, with_t5: bool) -> Path:
    torch.manual_seed(0)
    pipeline = StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=16, patch_size=2, in_channels=4, out_channels=4, num_layers=1, attention_head_dim=8,
            num_attention_heads=4, joint_attention_dim=32, caption_projection_dim=32, pooled_projection_dim=32,
            pos_embed_max_size=16,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_vae(), tokenizer=_clip_tokenizer(), tokenizer_2=_clip_tokenizer(),
        text_encoder=CLIPTextModelWithProjection(_clip_config(16)),
        text_encoder_2=CLIPTextModelWithProjection(_clip_config(16)),
        text_encoder_3=_t5() if with_t5 else None, tokenizer_3=_t5_tokenizer() if with_t5 else None,
    )  # fmt: skip
    return _saved(pipeline, folder)


def _flux(folder: Path, *, guidance: bool, dynamic: bool) -> Path:
    torch.manual_seed(0)
    pipeline = FluxPipeline(
        transformer=FluxTransformer2DModel(
            patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16,
            num_attention_heads=2, joint_attention_dim=32, pooled_projection_dim=32, guidance_embeds=guidance,
            axes_dims_rope=(4, 4, 8),
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0 if dynamic else 1.0, use_dynamic_shifting=dynamic),
        vae=_vae(), tokenizer=_clip_tokenizer(), tokenizer_2=_t5_tokenizer(),
        text_encoder=CLIPTextModel(_clip_config(32)), text_encoder_2=_t5(),
    )  # fmt: skip
    return _saved(pipeline, folder)


def _saved(pipeline: Any, folder: Path) -> Path:
    """Fresh networks start at zero velocity; scrambled weights make every input matter."""
    with torch.no_grad():
        for parameter in pipeline.transformer.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    pipeline.save_pretrained(folder)
    return folder


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
