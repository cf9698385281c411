import json

import pytest

SAID = "Good morning, Ada."
CHAT = {"model": "voxhaus-1-preview", "messages": [{"role": "user", "content": "Hi"}]}
STREAM = {**CHAT, "stream": True}


def lines(answer):
    return [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]


def test_an_answer_has_the_published_shape(client):
    answer = client.post("/v1/chat/completions", json=CHAT)
    told = answer.json()
    assert told.pop("id").startswith("chatcmpl-")
    assert isinstance(told.pop("created"), int)
    assert told == {
        "object": "chat.completion",
        "model": "voxhaus-1-preview",
        "system_fingerprint": None,
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": SAID,
                    "refusal": None,
                    "annotations": [],
                },
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12},
    }
    assert answer.headers["x-voxhaus-engine"] == "in-process"


def test_a_stream_begins_with_the_role_and_ends_with_the_reason(client):
    answer = client.post("/v1/chat/completions", json=STREAM)
    assert answer.headers["x-accel-buffering"] == "no"
    *chunks, done = lines(answer)
    assert done == "[DONE]"
    told = [json.loads(c) for c in chunks]
    deltas = [c["choices"][0]["delta"] for c in told]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(d.get("content", "") for d in deltas) == SAID
    assert [c["choices"][0]["finish_reason"] for c in told] == [None] * 6 + ["stop"]
    assert len({c["id"] for c in told}) == 1
    assert all("usage" not in c for c in told)


def test_usage_comes_last_in_a_stream_if_it_is_wanted(client):
    body = {**STREAM, "stream_options": {"include_usage": True}}
    *chunks, _ = lines(client.post("/v1/chat/completions", json=body))
    told = [json.loads(c) for c in chunks]
    assert [c["usage"] for c in told[:-1]] == [None] * 7
    assert told[-1]["choices"] == []
    assert told[-1]["usage"] == {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}


def test_stream_options_without_a_stream_are_refused(client):
    answer = client.post("/v1/chat/completions", json={**CHAT, "stream_options": {}})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "stream_options")


def test_all_parameters_reach_the_engine(client, house):
    body = {
        "model": "org/chat",
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "name": "ada", "content": [{"type": "text", "text": "a"}] * 2},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
            {"role": "tool", "tool_call_id": "1", "content": "5"},
        ],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 3,
        "max_completion_tokens": 4,
        "stop": "END",
        "seed": 5,
        "n": 1,
        "presence_penalty": 1,
        "response_format": {"type": "json_object"},
        "tools": [],
        "logprobs": False,
    }
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    request = house.room.asked[0][0]
    assert [m.content for m in request.messages] == ["Be brief.", "aa", "", "5"]
    assert [m.extra for m in request.messages] == [
        {},
        {"name": "ada"},
        {"tool_calls": [{"id": "1"}]},
        {"tool_call_id": "1"},
    ]
    figures = (request.temperature, request.top_p, request.max_tokens, request.stop, request.seed)
    assert figures == (0.5, 0.9, 4, ("END",), 5)
    assert request.extra == {"presence_penalty": 1, "response_format": {"type": "json_object"}}


def test_what_is_left_out_is_named(client):
    body = {**CHAT, "user": "u", "store": True, "metadata": {"a": "b"}, "logit_bias": {"5": 1}}
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.headers["x-voxhaus-ignored"] == "metadata, store, user, logit_bias"


def test_habits_that_ask_for_nothing_are_not_named(client, house):
    body = {**CHAT, "user": None, "store": False, "service_tier": "auto", "tools": None}
    body |= {"frequency_penalty": 0, "presence_penalty": 0.0, "logit_bias": {}}
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200
    assert house.room.asked[0][0].extra == {}
    assert "x-voxhaus-ignored" not in answer.headers


@pytest.mark.parametrize("model", ["breaks", "unended"])
def test_a_failure_in_the_middle_is_an_event_and_no_end(client, house, eventually, model):
    *chunks, last = lines(client.post("/v1/chat/completions", json={**STREAM, "model": model}))
    assert len(chunks) >= 2
    assert set(json.loads(last)["error"]) == {"message", "type", "param", "code"}
    assert eventually(lambda: house.door.books)
    assert house.door.books[0]["status"] == 502


@pytest.mark.parametrize("model", ["breaks", "unended"])
def test_a_failure_in_the_middle_of_a_whole_answer_is_an_error(client, model):
    answer = client.post("/v1/chat/completions", json={**CHAT, "model": model})
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "engine_error")


def test_a_bug_in_the_middle_of_a_stream_cuts_it(client):
    import httpx

    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/v1/chat/completions", json={**STREAM, "model": "crashes"})


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_hangs_up_stops_the_work(house, eventually, stream):
    import httpx

    house.room.hold_after = 2
    with house.client() as client, pytest.raises(httpx.ReadTimeout):
        client.post("/v1/chat/completions", json={**CHAT, "stream": stream}, timeout=0.3)
    assert eventually(lambda: house.room.closed == 1)
    assert house.room.made == 2
    assert eventually(lambda: house.door.books)
    assert house.door.books[0]["status"] == 499


def test_books_say_what_was_taken(client, house, eventually):
    client.post("/v1/chat/completions", json=CHAT)
    assert eventually(lambda: house.door.books)
    assert house.door.books == [
        {
            "caller": "ada",
            "model": "voxhaus-1-preview",
            "task": "chat",
            "status": 200,
            "input_tokens": 7,
            "output_tokens": 5,
        }
    ]


class TestResponses:
    ORDER = (
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * 5,
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    )
    BODY = {"model": "voxhaus-1-preview", "input": "Hi"}  # noqa: RUF012

    def events(self, client, **more):
        answer = client.post("/v1/responses", json={**self.BODY, "stream": True, **more})
        named = [x[7:] for x in answer.text.splitlines() if x.startswith("event: ")]
        told = [json.loads(x) for x in lines(answer)]
        assert named == [e["type"] for e in told]
        return told

    def test_events_come_in_the_published_order(self, client):
        told = self.events(client)
        assert tuple(e["type"] for e in told) == self.ORDER
        assert [e["sequence_number"] for e in told] == list(range(len(told)))
        last = told[-1]["response"]
        assert last["output"][0]["content"][0]["text"] == SAID
        assert last["usage"]["total_tokens"] == 12
        assert {e["item_id"] for e in told if "item_id" in e} == {last["output"][0]["id"]}

    def test_an_answer_that_was_cut_is_incomplete(self, client):
        last = self.events(client, max_output_tokens=5)[-1]
        assert last["type"] == "response.incomplete"
        assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}

    def test_a_failure_is_an_event(self, client):
        last = self.events(client, model="breaks")[-1]
        assert last["type"] == "response.failed"
        assert last["response"]["status"] == "failed"
        assert last["response"]["error"] == {
            "code": "server_error",
            "message": "The engine fell over.",
        }

    def test_whole(self, client, house):
        body = {
            "model": "voxhaus-1-preview",
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": "One"},
                {
                    "type": "message",
                    "role": "assistant",
                    "id": "msg_1",
                    "status": "completed",
                    "content": [{"type": "output_text", "text": "1", "annotations": []}],
                },
                {"role": "user", "content": [{"type": "input_text", "text": "Two"}]},
            ],
            "metadata": {"trip": "7"},
            "reasoning": {"effort": "low"},
            "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
            "max_output_tokens": 9,
        }
        answer = client.post("/v1/responses", json=body)
        told = answer.json()
        assert told["status"] == "completed"
        assert told["metadata"] == {"trip": "7"}
        assert "x-voxhaus-ignored" not in answer.headers
        request = house.room.asked[0][0]
        assert [(m.role, m.content) for m in request.messages] == [
            ("developer", "Be brief."),
            ("user", "One"),
            ("assistant", "1"),
            ("user", "Two"),
        ]
        assert request.max_tokens == 9
        assert request.extra == {
            "reasoning_effort": "low",
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": {"type": "object"}},
            },
        }

    @pytest.mark.parametrize(
        ("more", "param"),
        [
            ({"previous_response_id": "resp_1"}, "previous_response_id"),
            ({"conversation": "conv_1"}, "conversation"),
            ({"background": True}, "background"),
            ({"tools": [{"type": "web_search"}]}, "tools"),
        ],
    )
    def test_what_needs_a_memory_is_refused(self, client, more, param):
        answer = client.post("/v1/responses", json={**self.BODY, **more})
        error = answer.json()["error"]
        assert answer.status_code == 400
        assert (error["param"], error["code"]) == (param, "unsupported_parameter")

    def test_items_that_are_no_messages_are_refused_by_place(self, client):
        items = [{"type": "function_call_output", "call_id": "1", "output": "5"}]
        answer = client.post("/v1/responses", json={**self.BODY, "input": items})
        error = answer.json()["error"]
        assert (answer.status_code, error["param"]) == (400, "input[0].type"), error
