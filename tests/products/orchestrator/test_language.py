"""Our text runtime behind the orchestrator: options reach it, readers may leave, requests share it."""

import asyncio
import json

import pytest

pytest.importorskip("onnx")

from voxhaus.core.chat import ChatDelta, ChatEnd, ChatRequest, Message
from voxhaus.core.errors import InputError
from voxhaus.evals.language_speed import random_model
from voxhaus.models.language.config import LanguageConfig
from voxhaus.products.orchestrator.config import TEXT, built_in
from voxhaus.runtime.language.language import Language
from voxhaus.runtime.language.prepare import prepare

TINY = LanguageConfig(
    vocab_size=400,
    hidden_size=64,
    layers=2,
    heads=2,
    kv_heads=1,
    head_dim=32,
    experts=4,
    expert_size=32,
    context=200,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny model that says anything at all, the likeliest by itself."""
    made = random_model(tmp_path_factory.mktemp("random") / "random", TINY, spread=0.3)
    (made / "generation_config.json").write_text('{"temperature": 0.0}')
    return prepare(made, tmp_path_factory.mktemp("ready") / "tiny", exact=True)


@pytest.fixture
def text(folder):
    return f'[engines.text]\nkind = "language"\nmodels = ["tiny"]\npath = "{folder}"\n'


def asked(content="What is an oar?", **options):
    messages = (
        Message(role="developer", content="Be brief."),
        Message(role="user", content=content),
    )
    return ChatRequest(messages=messages, model="tiny", **options)


async def answered(orchestrator, request, caller):
    answer = await orchestrator.chat(request, caller)
    events = [e async for e in answer.events]
    return "".join(e.text for e in events if isinstance(e, ChatDelta)), events[-1]


def run(orchestrator, work):
    async def all_of_it():
        try:
            return await work()
        finally:
            await orchestrator.close()

    return asyncio.run(all_of_it())


@pytest.mark.parametrize(
    "options",
    [
        {"max_tokens": 20},
        {"temperature": 1.0, "seed": 5, "max_tokens": 30, "top_p": 0.9},
        {
            "extra": {"top_k": 3, "repeat_penalty": 1.3},
            "temperature": 1.0,
            "seed": 2,
            "max_tokens": 9,
        },
        {"stop": ("a", "e"), "max_tokens": 50},
    ],
)
def test_it_answers_the_same_as_without_an_orchestrator(kit, ledger, text, folder, options):
    orchestrator = kit.conductor(text, ledger)
    request = asked(**options)
    said, end = run(orchestrator, lambda: answered(orchestrator, request, kit.ANNA))
    extra = dict(options.pop("extra", {}))
    if "repeat_penalty" in extra:
        extra["repetition_penalty"] = extra.pop("repeat_penalty")
    alone = Language(folder, "tiny").chat(request.messages, **options, **extra)
    assert (said, end) == (alone.text, ChatEnd(reason=alone.reason, usage=alone.usage))


def test_many_requests_share_one_batch(kit, ledger, text):
    orchestrator = kit.conductor(text, ledger)
    requests = [asked(f"The dog {n}.", temperature=1.0, seed=n, max_tokens=40) for n in range(6)]

    async def work():
        alone = [await answered(orchestrator, r, kit.ANNA) for r in requests]
        return alone, await asyncio.gather(*(answered(orchestrator, r, kit.ANNA) for r in requests))

    alone, together = run(orchestrator, work)
    assert together == alone


def test_a_reader_who_leaves_frees_the_place(kit, ledger, text):
    orchestrator = kit.conductor(text + "concurrency = 1\n", ledger)

    async def work():
        answer = await orchestrator.chat(asked(temperature=1.0, seed=1), kit.ANNA)
        await anext(answer.events)
        await answer.events.aclose()
        return await asyncio.wait_for(answered(orchestrator, asked(max_tokens=3), kit.ANNA), 20)

    _, end = run(orchestrator, work)
    assert end.usage.completion == 3


def test_json_is_asked_for_as_published(kit, ledger, text):
    pytest.importorskip("llguidance")
    schema = {
        "type": "object",
        "properties": {"yes": {"type": "boolean"}},
        "required": ["yes"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    orchestrator = kit.conductor(text, ledger)
    request = asked(extra={"response_format": form}, temperature=1.0, seed=1)
    said, _ = run(orchestrator, lambda: answered(orchestrator, request, kit.ANNA))
    assert isinstance(json.loads(said)["yes"], bool)


@pytest.mark.parametrize(
    ("extra", "named"),
    [({"response_format": {"type": "xml"}}, "response_format"), ({"tools": [1]}, "tools")],
)
def test_what_it_cannot_do_is_refused_by_name(kit, ledger, text, extra, named):
    orchestrator = kit.conductor(text, ledger)
    with pytest.raises(Exception, match=named):
        run(orchestrator, lambda: answered(orchestrator, asked(extra=extra), kit.ANNA))


def test_a_penalty_of_nothing_is_no_obstacle(kit, ledger, text):
    orchestrator = kit.conductor(text, ledger)
    request = asked(extra={"frequency_penalty": 0, "presence_penalty": 0.0}, max_tokens=2)
    assert (
        run(orchestrator, lambda: answered(orchestrator, request, kit.ANNA))[1].reason == "length"
    )


def test_too_long_is_the_callers_fault(kit, ledger, text):
    orchestrator = kit.conductor(text, ledger)
    with pytest.raises(InputError, match="takes 200"):
        run(orchestrator, lambda: answered(orchestrator, asked("dog " * 300), kit.ANNA))


def test_our_model_is_served_without_a_file_where_its_weights_are(tmp_path, monkeypatch):
    monkeypatch.setenv("VOXHAUS_WEIGHTS", str(tmp_path))
    assert set(built_in().engines) == {"voice"}
    (tmp_path / TEXT / "1").mkdir(parents=True)
    (tmp_path / TEXT / "1" / "manifest.json").write_text('{"files": {}}')
    assert built_in().engines["text"].models == {TEXT: TEXT}
