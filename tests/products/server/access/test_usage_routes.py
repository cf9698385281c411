"""Usage in the published shape, read with the official client too."""

import threading
import time

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("fastapi")

from voxhaus.products.store.clock import DAY, HOUR
from voxhaus.products.store.usage import Work

ROUTE = "/v1/organization/usage/"


@pytest.fixture
def midnight(store, make, clock):
    """Three days of speech by two keys, and some of the rest."""
    first = clock.now - clock.now % DAY
    a, b = make()[1], make()[1]
    for day in range(3):
        clock.now = first + day * DAY + 60
        for key, model, characters in ((a, "voice", 10), (b, "voice", 5), (b, "other", 1)):
            store.usage.record(
                Work(
                    key_id=key,
                    model=model,
                    task="speech",
                    status=200,
                    characters=characters,
                    audio_seconds=0.5,
                )
            )
    store.usage.record(
        Work(key_id=a, model="text", task="chat", status=200, input_tokens=7, output_tokens=9)
    )
    store.usage.record(
        Work(key_id=None, model="ears", task="transcription", status=200, audio_seconds=2.6)
    )
    return first


@pytest.fixture
def usage(client, as_admin):
    def asked(kind, **parameters):
        answer = client.get(ROUTE + kind, params=parameters, headers=as_admin)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return asked


def test_a_page_of_days(usage, midnight, store):
    answer = usage("audio_speeches", start_time=midnight)
    assert (answer["object"], answer["has_more"], answer["next_page"]) == ("page", False, None)
    assert len(answer["data"]) == 3
    assert answer["data"][0] == {
        "object": "bucket",
        "start_time": midnight,
        "end_time": midnight + DAY,
        "results": [
            {
                "object": "organization.usage.audio_speeches.result",
                "characters": 16,
                "seconds": 1.5,
                "num_model_requests": 3,
                "project_id": None,
                "user_id": None,
                "api_key_id": None,
                "model": None,
            }
        ],
    }


def test_the_other_tasks(usage, midnight):
    (result,) = usage("completions", start_time=midnight)["data"][2]["results"]
    assert result["object"] == "organization.usage.completions.result"
    assert (result["input_tokens"], result["output_tokens"]) == (7, 9)
    (result,) = usage("audio_transcriptions", start_time=midnight)["data"][2]["results"]
    assert (result["seconds"], result["num_model_requests"]) == (3, 1)
    assert usage("completions", start_time=midnight)["data"][0]["results"] == []


@pytest.mark.parametrize("brackets", ["", "[]"])
def test_groups_and_filters(usage, midnight, store, brackets):
    grouped = usage(
        "audio_speeches", start_time=midnight, **{f"group_by{brackets}": ["model", "api_key_id"]}
    )
    results = grouped["data"][0]["results"]
    assert sorted(r["characters"] for r in results) == [1, 5, 10]
    assert all(r["model"] and r["api_key_id"] for r in results)
    key = next(r["api_key_id"] for r in results if r["characters"] == 1)
    filtered = usage(
        "audio_speeches",
        start_time=midnight,
        **{f"models{brackets}": ["voice"], f"api_key_ids{brackets}": [key]},
    )
    assert [b["results"][0]["characters"] for b in filtered["data"]] == [5, 5, 5]


def test_page_by_page(usage, midnight):
    seen, page = [], {}
    while True:
        answer = usage("audio_speeches", start_time=midnight, limit=1, **page)
        seen += answer["data"]
        if not answer["has_more"]:
            break
        page = {"page": answer["next_page"]}
    assert seen == usage("audio_speeches", start_time=midnight)["data"]
    assert len(seen) == 3


def test_hours_and_minutes(usage, midnight):
    hours = usage(
        "audio_speeches", start_time=midnight, end_time=midnight + 2 * HOUR, bucket_width="1h"
    )
    assert [len(b["results"]) for b in hours["data"]] == [1, 0]
    minutes = usage("audio_speeches", start_time=midnight, bucket_width="1m")
    assert len(minutes["data"]) == 60 and minutes["has_more"]
    assert [i for i, b in enumerate(minutes["data"]) if b["results"]] == [1]


NO_PARAMETERS = [
    {},
    {"start_time": -1},
    {"start_time": 2**70},
    {"start_time": "yesterday"},
    {"start_time": 9, "end_time": 9},
    {"start_time": 0, "limit": 32},
    {"start_time": 0, "limit": 0},
    {"start_time": 0, "bucket_width": "1y"},
    {"start_time": 0, "group_by": "colour"},
    {"start_time": 0, "page": "page_x"},
    {"start_time": 0, "page": "page_" + "9" * 30},
]


def test_parameters_that_make_no_sense(client, as_admin):
    for wrong in NO_PARAMETERS:
        answer = client.get(ROUTE + "completions", params=wrong, headers=as_admin)
        assert answer.status_code in (400, 422), wrong


@pytest.mark.parametrize(
    "strange", [{"start_time": 2**40}, {"start_time": 0, "page": "page_9999999999999"}]
)
def test_times_that_are_not_yet(usage, strange):
    answer = usage("completions", **strange)
    assert not answer["has_more"] and all(b["results"] == [] for b in answer["data"])


def test_the_official_client_reads_it(app, midnight, as_admin):
    openai, uvicorn = pytest.importorskip("openai"), pytest.importorskip("uvicorn")
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until = time.monotonic() + 20
        while not server.started:
            assert time.monotonic() < until
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        secret = as_admin["Authorization"].removeprefix("Bearer ")
        with openai.OpenAI(
            api_key="none",
            admin_api_key=secret,
            base_url=f"http://127.0.0.1:{port}/v1",
            max_retries=0,
        ) as client:
            page = client.admin.organization.usage.audio_speeches(
                start_time=midnight, group_by=["model"], bucket_width="1d"
            )
    finally:
        server.should_exit = True
        thread.join(20)
    results = page.data[0].results
    assert {r.model: r.characters for r in results} == {"voice": 15, "other": 1}
    assert type(results[0]).__name__ == "DataResultOrganizationUsageAudioSpeechesResult"
