"""Answers: whole and streamed, alone and beside others, ended and given up."""

import threading
import time

import numpy as np
import pytest

pytest.importorskip("onnx")

from voxhaus.core.chat import ChatEnd, Message
from voxhaus.core.errors import InputError, VoxhausError, WeightsError
from voxhaus.models.language.chat_template import write
from voxhaus.runtime.language.language import Language

ASKED = [{"role": "user", "content": "What is an oar?"}]
OTHERS = [[{"role": "user", "content": f"The dog number {n}" * (1 + n)}] for n in range(7)]


def test_the_answer_is_what_transformers_generates(language, talking, transformers):
    import torch

    model = transformers.AutoModelForCausalLM.from_pretrained(talking, dtype=torch.float32)
    ids = torch.tensor([write(ASKED, language.tokenizer, generate=True).ids])
    # Tokens that are no text are never chosen here.
    banned = [[i] for i in range(420) if i >= language.tokenizer.size or i in (1, *range(3, 16))]
    made = model.generate(
        ids, max_new_tokens=40, do_sample=False, eos_token_id=[0, 2], bad_words_ids=banned
    )
    theirs = language.tokenizer.decode(made[0, ids.shape[1] :].tolist())
    assert language.chat(ASKED, max_tokens=40).text == theirs


@pytest.mark.parametrize("asked", [{}, {"temperature": 1.0, "seed": 3}, {"stop": ["e"]}])
def test_streamed_is_whole(language, asked):
    pieces = list(language.stream(ASKED, max_tokens=60, **asked))
    assert "".join(pieces) == language.chat(ASKED, max_tokens=60, **asked).text
    assert len(pieces) > 3 or asked


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_many_at_once_are_each_alone(language, temperature):
    """Seven on three places: they wait, come and go, and are moved."""
    asked = [{"max_tokens": 10 + 7 * n, "temperature": temperature, "seed": n} for n in range(7)]
    alone = [language.chat(m, **a) for m, a in zip(OTHERS, asked, strict=True)]
    together = [None] * 7

    def ask(n):
        together[n] = language.chat(OTHERS[n], **asked[n])

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
    assert language.busy == 0


def until_idle(language):
    deadline = time.monotonic() + 10
    while language.busy and time.monotonic() < deadline:
        time.sleep(0.005)
    return language.busy == 0


@pytest.mark.parametrize("begun", [False, True])
def test_an_answer_that_is_given_up_frees_its_place(language, begun):
    held = [language.stream(ASKED, temperature=1.0, seed=n) for n in range(5)]
    assert language.busy > 0
    if begun:
        next(held[0])
    for stream in held:
        stream.close()
    del held, stream
    assert until_idle(language)
    assert language.chat(ASKED, max_tokens=5).usage.completion == 5


def test_stop_texts_end_the_answer_and_are_not_in_it(language):
    whole = language.chat(ASKED, max_tokens=60).text
    stop = whole[20:24]
    reply = language.chat(ASKED, max_tokens=60, stop=[stop])
    assert reply.text == whole[: whole.index(stop)]
    assert reply.reason == "stop"
    assert reply.usage.completion < 60


def test_limits_end_the_answer(language):
    reply = language.chat(ASKED, max_tokens=7)
    assert (reply.reason, reply.usage.completion) == ("length", 7)
    full = language.chat(ASKED, temperature=1.0, seed=1)
    assert full.reason == "stop" or sum((full.usage.prompt, full.usage.completion)) == 200


def test_too_long_a_conversation_is_refused_with_figures(language):
    with pytest.raises(InputError, match=r"has \d{3} tokens; with an answer, talking takes 200"):
        language.chat([{"role": "user", "content": "dog " * 300}])


@pytest.mark.parametrize("messages", [[], [{"role": "robot", "content": "x"}]])
def test_bad_messages_are_refused_before_the_first_piece(language, messages):
    with pytest.raises(InputError):
        language.stream(messages)


def test_messages_and_mappings_are_the_same(language):
    theirs = [Message(role="user", content="What is an oar?")]
    assert language.chat(theirs, max_tokens=9) == language.chat(ASKED, max_tokens=9)


def test_events_end_with_the_usage(language):
    *_, end = language.events(ASKED, language.options({"max_tokens": 4}))
    assert isinstance(end, ChatEnd)
    assert end.usage.prompt == len(write(ASKED, language.tokenizer, generate=True).ids)


def test_log_probabilities_are_those_of_transformers(language, talking, transformers):
    import torch

    model = transformers.AutoModelForCausalLM.from_pretrained(talking, dtype=torch.float32)
    ids = language.tokenizer.encode("The quick brown fox jumps over the lazy dog." * 6)
    with torch.no_grad():
        logits = model(torch.tensor([[language.tokenizer.end_of_text, *ids[:-1]]])).logits[0]
    theirs = torch.log_softmax(logits, -1)[range(len(ids)), ids].numpy()
    ours = language.log_probabilities(ids)
    assert ours.dtype == np.float32 and len(ids) > 40
    np.testing.assert_allclose(ours, theirs, atol=2e-3)
    assert language.log_probabilities([]).shape == (0,)
    with pytest.raises(InputError, match="takes 200"):
        language.log_probabilities(ids * 9)
    with pytest.raises(InputError, match="between 0 and 419"):
        language.log_probabilities([420])


def test_scoring_does_not_disturb_an_answer(language):
    whole = language.chat(ASKED, max_tokens=80).text
    pieces = []
    for piece in language.stream(ASKED, max_tokens=80):
        pieces.append(piece)
        language.log_probabilities(language.tokenizer.encode("lazy dog " * 9))
    assert "".join(pieces) == whole


def test_completing_begins_a_document(language):
    reply = language.complete("The quick", max_tokens=5)
    assert reply.usage.prompt == 1 + len(language.tokenizer.encode("The quick"))


SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "maximum": 99}, "on": {"type": "boolean"}},
    "required": ["n", "on"],
    "additionalProperties": False,
}


def test_json_follows_its_schema(language):
    import json

    pytest.importorskip("llguidance")
    for seed in range(4):
        reply = language.chat(ASKED, temperature=1.0, seed=seed, json=SCHEMA)
        said = json.loads(reply.text)
        assert isinstance(said["n"], int) and isinstance(said["on"], bool)
        assert reply.reason == "stop"
    with pytest.raises(InputError, match="schema"):
        language.chat(ASKED, json={"type": "oar"})


def test_a_tokenizer_of_another_model_is_refused(exact_folder, tmp_path):
    import json
    import shutil

    folder = shutil.copytree(exact_folder, tmp_path / "wrong")
    said = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**said, "vocab_size": 120}))
    with pytest.raises(WeightsError, match="do not belong together"):
        Language(folder, "wrong")


def test_damaged_weights_are_said_in_a_sentence(exact_folder, tmp_path):
    import shutil

    folder = shutil.copytree(exact_folder, tmp_path / "cut")
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(WeightsError, match="cannot be loaded by onnxruntime"):
        Language(folder, "cut")


def test_closing_is_heard_of_by_whoever_waits(exact_folder):
    language = Language(exact_folder, "closing", places=2)
    streams = [language.stream(ASKED, temperature=1.0, seed=n) for n in range(4)]
    next(streams[0])
    language.close()
    with pytest.raises(VoxhausError, match="closed"):
        for stream in streams:
            list(stream)
    for ask in (lambda: language.chat(ASKED), lambda: language.log_probabilities([1])):
        with pytest.raises(VoxhausError, match="closed"):
            ask()


def test_a_failing_model_is_heard_of(exact_folder, monkeypatch):
    language = Language(exact_folder, "failing", places=2)

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(language._scheduler._steps, "step", fail)
    with pytest.raises(MemoryError):
        language.chat(ASKED)
    monkeypatch.undo()
    assert language.chat(ASKED, max_tokens=3).usage.completion == 3
    language.close()
