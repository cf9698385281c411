"""What is exported computes the same elsewhere: in transformers, and in llama.cpp."""

import dataclasses
import json
import shutil
import tempfile

import numpy as np
import pytest

pytest.importorskip("onnx")

from voxhaus.core.errors import InputError
from voxhaus.models.language import layout
from voxhaus.models.language.config import LanguageConfig
from voxhaus.models.language.tensors import Tensors
from voxhaus.runtime.language.export import to_gguf, to_hugging_face
from voxhaus.runtime.language.language import Language
from voxhaus.runtime.language.prepare import prepare

ASKED = [{"role": "user", "content": "What is an oar?"}]


@pytest.fixture(scope="module")
def whole_numbers(talking, tmp_path_factory):
    return prepare(talking, tmp_path_factory.mktemp("int8") / "talking")


@pytest.fixture(scope="module")
def exported(whole_numbers, tmp_path_factory):
    return to_hugging_face(whole_numbers, tmp_path_factory.mktemp("exported") / "model")


def test_numbers_are_those_that_the_runtime_multiplies(whole_numbers, exported):
    ours, theirs = Tensors(whole_numbers), Tensors(exported)
    config = LanguageConfig.from_hugging_face(json.loads((exported / "config.json").read_text()))
    assert set(theirs) == set(layout.shapes(config))
    for name in theirs:
        np.testing.assert_array_equal(theirs[name], ours.number(name))


def test_an_exported_folder_runs_here_and_in_transformers(exported, transformers, tmp_path):
    import torch

    language = Language(prepare(exported, tmp_path / "again", exact=True), "again")
    tokenizer = transformers.AutoTokenizer.from_pretrained(exported)
    ids = tokenizer.apply_chat_template(ASKED, add_generation_prompt=True, return_dict=False)
    model = transformers.AutoModelForCausalLM.from_pretrained(exported)
    with torch.no_grad():
        logits = model(torch.tensor([[0, *ids[:-1]]])).logits[0]
    theirs = torch.log_softmax(logits, -1)[range(len(ids)), ids].numpy()
    np.testing.assert_allclose(language.log_probabilities(ids), theirs, atol=2e-3)
    from voxhaus.models.language.chat_template import write

    assert tuple(ids) == write(ASKED, language.tokenizer, generate=True).ids


def test_rounding_what_was_rounded_changes_nothing(whole_numbers, exported, tmp_path):
    again = prepare(exported, tmp_path / "again")
    one, other = Tensors(whole_numbers), Tensors(again)
    for name, place in one.places.items():
        if place.kind == "I8":
            assert np.abs(one[name].astype(int) - other[name]).max() == 0


def test_a_folder_that_is_there_is_not_overwritten(whole_numbers, exported):
    with pytest.raises(InputError, match="is there already"):
        to_hugging_face(whole_numbers, exported)


# llama.cpp.


def probabilities(path, ids, count):
    """The likeliest next tokens after ids, as llama.cpp sees them: id -> log-probability."""
    package = pytest.importorskip("xllamacpp")
    asked = package.CommonParams()
    asked.model.path, asked.n_ctx, asked.verbosity, asked.ui = str(path), 256, 1, False
    asked.cpuparams.n_threads = asked.cpuparams_batch.n_threads = 1
    folder = tempfile.TemporaryDirectory()
    asked.hostnames = [f"{folder.name}/unused.sock"]
    server = package.Server(asked)
    events = []
    body = {"prompt": ids, "n_predict": 1, "temperature": 0.0, "n_probs": count}
    server.handle_completions(json.dumps(body), events.append)
    said = events[-1] if not isinstance(events[-1], str) else json.loads(events[-1])
    said = said[-1] if isinstance(said, list) else said
    likeliest = said["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
    return {p["id"]: p["logprob"] for p in likeliest}


@pytest.fixture(params=["mixture", "dense", "llama"])
def spoken(request, talking, tmp_path):
    """Folders of each architecture with the same tokenizer."""
    from .conftest import KINDS, write_random

    config = dataclasses.replace(KINDS[request.param], vocab_size=420)
    folder = write_random(tmp_path / request.param, config, seed=6)
    for name in ("tokenizer.json", "generation_config.json"):
        shutil.copyfile(talking / name, folder / name)
    return folder


@pytest.mark.parametrize(("blocks", "apart"), [("f32", 0.02), ("q8_0", 0.5)])
def test_llama_cpp_computes_the_same(spoken, tmp_path, blocks, apart):
    pytest.importorskip("xllamacpp")
    pytest.importorskip("gguf")
    path = to_gguf(spoken, tmp_path / "model.gguf", blocks=blocks)
    language = Language(prepare(spoken, tmp_path / "ready", exact=True), "exact")
    ids = [0, *language.tokenizer.encode("The quick brown fox jumps over the lazy dog.")]
    theirs = probabilities(path, ids, 20)
    logits = language._scheduler.call(lambda steps: steps.prefill(0, ids, 0)[0].copy())
    ours = logits - np.log(np.exp(logits).sum())
    for token, value in theirs.items():
        assert abs(ours[token] - value) < apart, token
    assert int(ours.argmax()) in theirs


def test_int8_rows_become_blocks_without_being_rounded_again(whole_numbers, tmp_path):
    gguf = pytest.importorskip("gguf")
    path = to_gguf(whole_numbers, tmp_path / "model.gguf")
    ours = Tensors(whole_numbers)
    for tensor in gguf.GGUFReader(path).tensors:
        if tensor.name == "blk.1.attn_output.weight":
            stored = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            wanted = ours.number("model.layers.1.self_attn.o_proj.weight")
            np.testing.assert_allclose(stored, wanted, rtol=6e-4)  # the scale in float16
            return
    pytest.fail("the tensor is not there")


def test_a_pattern_that_llama_cpp_does_not_know_is_refused(talking, tmp_path):
    pytest.importorskip("gguf")
    folder = shutil.copytree(talking, tmp_path / "other")
    said = json.loads((folder / "tokenizer.json").read_text())
    said["pre_tokenizer"] = {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": "x"}, "behavior": "Isolated", "invert": False},
            {
                "type": "ByteLevel",
                "add_prefix_space": False,
                "trim_offsets": True,
                "use_regex": False,
            },
        ],
    }
    (folder / "tokenizer.json").write_text(json.dumps(said))
    with pytest.raises(InputError, match="convert_hf_to_gguf"):
        to_gguf(folder, tmp_path / "model.gguf")
    assert not list(tmp_path.glob("*gguf*"))
