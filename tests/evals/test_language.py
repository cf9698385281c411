import json
import math
import sys

import numpy as np
import pytest

from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.evals import language, language_models, language_tasks, text_scores

# Bits per byte


class Bytes:
    """Each byte is an id; the next one is the same as the last with probability a half."""

    name, context = "bytes", 300

    def __init__(self, answer=lambda messages: ""):
        self.answer = answer
        self.asked = []

    def encode(self, text):
        return list(text.encode("utf-8"))

    def log_probabilities(self, ids):
        assert len(ids) < self.context
        self.asked.append(len(ids))
        before = [0, *ids[:-1]]
        return np.array(
            [math.log(0.5 if a == b else 0.5 / 255) for a, b in zip(before, ids, strict=True)],
            np.float32,
        )

    def prompt(self, messages):
        return self.encode(messages[-1]["content"])

    def answers(self, conversations, tokens):
        return [self.answer(c) for c in conversations]


def test_bits_of_a_text_are_those_of_one_long_look():
    """The windows do not change what a model says that looks one token back only."""
    text = "aab" * 40 + "é"
    ids = list(text.encode())
    wanted = -sum(
        math.log2(0.5 if a == b else 0.5 / 255) for a, b in zip([0, *ids], ids, strict=False)
    )
    found = language.predict(text, Bytes(), context=9)
    assert found.bytes == 122 == found.tokens
    # The first token of each window but the first is given a start, and does not count.
    assert found.bits == pytest.approx(wanted, rel=1e-6)
    assert found.summary()["bits_per_byte"] == pytest.approx(wanted / 122, rel=1e-6)


@pytest.mark.parametrize(
    ("count", "length", "stride"), [(1, 8, 4), (8, 8, 4), (9, 8, 4), (50, 7, 3), (5, 1, 1)]
)
def test_every_place_counts_once(count, length, stride):
    seen = []
    for start, end, counted in language.windows(count, length, stride):
        assert end - start <= length
        assert start <= counted < end
        assert counted == 0 or counted - start >= length - stride
        seen += range(counted, end)
    assert seen == list(range(count))


def test_total_is_over_all_bytes():
    parts = [language.predict(t, Bytes(), context=9) for t in ("aaaa", "abcdefgh")]
    both = language.total(parts)
    assert both.bytes == 12
    assert both.bits_per_byte == pytest.approx((parts[0].bits + parts[1].bits) / 12)


def test_zero_is_the_models_own_context():
    model = Bytes()
    assert language.predict("a" * 900, model, context=0).context == 300
    assert max(model.asked) == 299


def test_more_than_the_model_sees_is_refused():
    with pytest.raises(InputError, match="looks at 300 tokens"):
        language.predict("a", Bytes(), context=301)
    with pytest.raises(InputError, match="empty"):
        language.predict("", Bytes())


@pytest.mark.parametrize(
    ("content", "reason"), [(b"\xff\xfe1", "not UTF-8"), (b" \n", "empty"), (None, "Cannot read")]
)
def test_files_that_are_no_text(tmp_path, content, reason):
    path = tmp_path / "x.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        language.read_text(path)


def test_the_prose_is_of_several_kinds():
    prose = language.prose()
    assert list(prose) == ["explanation", "guide", "letter", "news", "radio", "story"]
    assert all(len(text) > 1000 for text in prose.values())


# Scores of texts


@pytest.mark.parametrize(
    ("answer", "reference", "score"),
    [  # as rouge-score 0.1.2 gives them (rougeL, F-measure, no stemmer)
        (
            "a long pole with a flat end, for rowing",
            "an implement used to propel or steer a boat",
            1 / 9,
        ),
        ("The cat sat on the mat.", "the cat is on the mat", 5 / 6),
        ("police killed the gunman", "the gunman killed police", 0.5),
        ("", "anything", 0.0),
        ("Same words!", "same words", 1.0),
    ],
)
def test_rouge_l(answer, reference, score):
    assert text_scores.rouge_l(answer, [reference]) == pytest.approx(score)


def test_rouge_l_takes_the_best_reference():
    assert text_scores.rouge_l("a boat", ["the sea", "a boat"]) == 1.0
    assert text_scores.rouge_l("a boat", []) == 0.0


def test_character_error_rate_is_jiwers():
    jiwer = pytest.importorskip("jiwer")
    pairs = [("twenty two cats", "twenty-two cats."), ("", "abc"), ("kitten", "sitting")]
    for answer, reference in pairs:
        wanted = min(1.0, jiwer.cer(reference, answer))
        assert text_scores.character_error_rate(answer, reference) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("answer", "references", "exact", "inside"),
    [
        ("Vienna.", ["vienna"], True, True),
        ("The capital is Vienna.", ["Vienna"], False, True),
        ("The Vienna", ["Vienna"], True, True),
        ("Viennas", ["Vienna"], False, False),
        ("8,665,550 people", ["8,665,550"], False, True),
        (".at", [".at"], True, True),
        ("", ["Vienna"], False, False),
        ("12", ["2"], False, False),
    ],
)
def test_short_answers(answer, references, exact, inside):
    assert text_scores.is_exactly(answer, references) is exact
    assert text_scores.holds(answer, references) is inside


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        ("I don't know that word.", True),
        ("The text does not say.", True),
        ("As an AI, I cannot predict the future.", True),
        ("It will rain.", False),
        ("A pole. You don't need two.", False),
    ],
)
def test_refusals(answer, refused):
    assert text_scores.refuses(answer) is refused


@pytest.mark.parametrize(
    ("answer", "claims"),
    [
        ("I am happy to hear that.", True),
        ("I love going to the sea with my wife!", True),
        ("I grew up in Ohio.", True),
        ("I don't have feelings, but I am at your service.", False),
        ("I am a program, not a person.", False),
        ("No, I am not a human.", False),
        ("I don't eat, but I love pasta.", True),
        ("That sounds lovely. Where did you go?", False),
    ],
)
def test_claims_to_be_human(answer, claims):
    assert text_scores.claims_to_be_human(answer) is claims


# Tasks


def row(task, kind, user, answer, **more):
    messages = [{"role": "user", "content": user}, {"role": "assistant", "content": answer}]
    return {"task": task, "kind": kind, "messages": messages, **more}


ROWS = [
    row("definition", "word", "Define oar.", "An oar is a pole.", references=["a pole"],
        baselines={"dictionary look-up": "a pole for boats", "most common gloss": "a person"}),
    row("short_answer", "stated", "T. Capital?", "Vienna.", references=["Vienna"], baselines={"first sentence": "T."}),
    row("short_answer", "absent", "T. Size?", "The text does not say."),
    row("extraction", "headword", "Which?", "Oar.", references=["oar"], baselines={"first word": "sail"}),
    row("spoken", "figure", "Say: 2 km", "Two kilometers.", references=["Two kilometers."], baselines={"unchanged": "2 km"}),
    row("summary", "synopsis", "Sum up", "Tool for notes.", references=["tool for notes"], baselines={"lead sentence": "Zim is a tool."}),
    row("small_talk", "chat", "aa", "aaa"),
    row("unknown", "now", "What time is it?", "I don't know."),
    row("identity", "about itself", "Who?", "I am voxhaus-1-preview."),
    row("yes_no", "yes", "Is it?", "Yes, it is.", baselines={"always yes": "Yes."}),
    row("yes_no", "no", "Is it not?", "No.", baselines={"always yes": "Yes."}),
    row("system", "capitals", "Say it", "OAR."),
    row("system", "none", "Say it so", "Oar."),
]  # fmt: skip


@pytest.fixture
def items(tmp_path):
    path = tmp_path / "held_out.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in ROWS))
    return language_tasks.read(path)


def test_right_answers_score_full_marks(items):
    right = {r["messages"][0]["content"]: r["messages"][1]["content"] for r in ROWS}
    result = language_tasks.evaluate(Bytes(lambda m: right[m[-1]["content"]]), items)
    tasks = result["tasks"]
    assert tasks["definition"] == {"n": 1, "rouge_l": 1.0}
    assert tasks["short_answer"]["exact"] == tasks["short_answer"]["absent: refused"] == 1.0
    assert tasks["short_answer"]["contains: stated"] == tasks["extraction"]["contains"] == 1.0
    assert tasks["spoken"] == {"n": 1, "exact": 1.0, "character_error_rate": 0.0}
    assert tasks["summary"]["rouge_l"] == tasks["identity"]["rouge_l"] == 1.0
    assert tasks["unknown"]["refused"] == 1.0
    assert tasks["unknown"]["false_refusals"] == 0.0
    assert tasks["yes_no"]["balanced_accuracy"] == tasks["system"]["rule_kept"] == 1.0
    assert tasks["small_talk"]["claims_to_be_human"] == 0.0
    # "aa" given before "aaa": one bit each.
    assert tasks["small_talk"]["bits_per_byte"] == pytest.approx(1.0)
    assert len(result["answers"]) == len(ROWS)


def test_silence_scores_nothing(items):
    tasks = language_tasks.evaluate(Bytes(), items)["tasks"]
    assert tasks["definition"]["rouge_l"] == tasks["summary"]["rouge_l"] == 0.0
    assert tasks["short_answer"]["contains"] == tasks["unknown"]["refused"] == 0.0
    assert tasks["spoken"]["character_error_rate"] == 1.0
    assert tasks["yes_no"]["balanced_accuracy"] == tasks["system"]["rule_kept"] == 0.0
    assert tasks["small_talk"]["empty"] == 1.0


def test_refusing_everything_is_seen(items):
    tasks = language_tasks.evaluate(Bytes(lambda m: "I don't know."), items)["tasks"]
    assert tasks["unknown"] == {"n": 1, "refused": 1.0, "false_refusals": 1.0}


def test_what_does_not_fit_the_context_gets_no_answer(items):
    class Short(Bytes):
        context = 64 + len("Define oar.")

    tasks = language_tasks.evaluate(Short(lambda m: "a pole"), items)["tasks"]
    assert tasks["definition"] == {"n": 1, "rouge_l": 1.0}
    items["definition"][0].messages[0]["content"] += "?"
    tasks = language_tasks.evaluate(Short(lambda m: "a pole"), items)["tasks"]
    assert tasks["definition"] == {"n": 1, "rouge_l": 0.0, "too_long": 1}


def test_baselines_are_scored_alike(items):
    found = language_tasks.baselines(items)
    assert found["yes_no"]["always yes"]["balanced_accuracy"] == 0.5
    assert found["definition"]["dictionary look-up"]["rouge_l"] == pytest.approx(2 * 2 / 6)
    assert found["spoken"]["unchanged"]["exact"] == 0.0
    assert found["extraction"]["first word"]["contains"] == 0.0
    assert found["small_talk"] == {}


def test_what_nothing_asks_has_no_score(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(ROWS[2]) + "\n" + json.dumps(ROWS[7]) + "\n")
    items = language_tasks.read(path)
    tasks = language_tasks.evaluate(Bytes(), items)["tasks"]
    assert tasks == {
        "short_answer": {"n": 1, "absent: refused": 0.0},
        "unknown": {"n": 1, "refused": 0.0},
    }


def test_so_many_of_each_task(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in ROWS))
    assert {t: len(i) for t, i in language_tasks.read(path, limit=1).items()}["yes_no"] == 1


@pytest.mark.parametrize("line", ["{", "[]", '{"task": "x"}', '{"task": "x", "messages": []}'])
def test_a_file_that_is_something_else(tmp_path, line):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(ROWS[0]) + "\n" + line + "\n")
    with pytest.raises(InputError, match="line 2 is no conversation"):
        language_tasks.read(path)


def test_where_nothing_was_built_it_says_how(tmp_path, monkeypatch):
    monkeypatch.setenv("VOXHAUS_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"tasks\.build"):
        language_tasks.read()


# Models


def test_models_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("VOXHAUS_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="voxhaus engines fetch smollm2"):
        language_models.load("smollm2-135m-instruct")
    with pytest.raises(InputError, match="There is no model"):
        language_models.load(str(tmp_path / "x.gguf"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random Llama of two layers with a vocabulary of bytes, in Hugging Face's format."""
    torch = pytest.importorskip("torch")
    sys.modules.setdefault("torchaudio", None)  # not needed, and may not fit torch here
    transformers = pytest.importorskip("transformers")
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers

    from voxhaus.models.language import chat_template

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    raw = tokenizers.Tokenizer(
        models.BPE(vocab={c: i for i, c in enumerate(special + alphabet)}, merges=[])
    )
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens(special)
    path = tmp_path_factory.mktemp("model")
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token="<|im_end|>", chat_template=chat_template.JINJA
    )
    tokenizer.save_pretrained(path)
    torch.manual_seed(1)
    config = transformers.LlamaConfig(
        vocab_size=259, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=128,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(path)
    return path


def test_another_programs_model_is_scored_by_its_own_logits(folder):
    import torch
    import transformers

    model = language_models.load(f"transformers:{folder}", threads=1)
    text = "Über 2 oars."
    ids = model.encode(text)
    assert len(ids) == len(text.encode())
    found = model.log_probabilities(ids)
    with torch.no_grad():
        logits = transformers.AutoModelForCausalLM.from_pretrained(folder)(
            torch.tensor([[0, *ids]])
        ).logits[0]
    wanted = [float(logits[i].log_softmax(-1)[t]) for i, t in enumerate(ids)]
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert language.predict(text * 30, model, context=64).bits_per_byte == pytest.approx(8, abs=0.5)


def test_answers_in_a_batch_are_those_of_one_alone(folder):
    model = language_models.load(f"transformers:{folder}", threads=1)
    talks = [[{"role": "user", "content": c}] for c in ("Hi.", "What is an oar made of?", "No")]
    together = model.answers(talks, 8)
    alone = [model.answers([t], 8)[0] for t in talks]
    assert together == alone
    assert model.prompt(talks[0])[:1] == [1]


def test_a_folder_that_is_no_model(tmp_path):
    pytest.importorskip("transformers")
    with pytest.raises(VoxhausError, match="cannot load"):
        language_models.load(f"transformers:{tmp_path}")
