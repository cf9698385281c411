"""The OpenAPI document holds: whatever it lets through is answered, and never with 5xx.

`runs/server_fuzz.sh` does the same with thousands of cases.
"""

import pytest

pytest.importorskip("schemathesis")

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from voxhaus.products.server.app import create_app
from voxhaus.products.server.failures import ErrorBody

# Left out, with reasons: a document cannot list the models and voices of a running server, so
# random names are rightly refused; what a key opens is the gate's matter.
LEFT_OUT = ("positive_data_acceptance", "ignored_auth")
CHOSEN = [c for c in CHECKS.get_all() if c.__name__ not in LEFT_OUT]

MODELS = {
    "speech": "tts-1",
    "chat": "voxhaus-1-preview",
    "responses": "voxhaus-1-preview",
    "transcriptions": "whisper-1",
    "models": "tts-1",
}

# Routes need nobody behind them to be described.
DOCUMENT = create_app(conductor=None, gate=None).openapi()
OPERATIONS = {
    f"{o.method.upper()} {o.path}": o
    for o in (r.ok() for r in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations())
}


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_route_answers_as_documented(house, recording, name, mode):
    operation = OPERATIONS[name]
    takes_nothing = not (operation.body or list(operation.iter_parameters()))
    if mode is GenerationMode.NEGATIVE and takes_nothing:
        pytest.skip("nothing that could be wrong")

    statuses = set()

    @given(case=operation.as_strategy(mode))
    @settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def answered(case):
        if mode is GenerationMode.POSITIVE:
            meant(case, recording)
        response = case.call(
            base_url=house.url, headers={"authorization": "Bearer vh-test-key"}, timeout=20
        )
        statuses.add(response.status_code)
        case.validate_response(response, checks=CHOSEN)
        assert response.status_code < 500
        if response.status_code >= 400:
            ErrorBody.model_validate_json(response.content)

    answered()
    # Nothing is shown if every case is refused at the door.
    assert mode is GenerationMode.NEGATIVE or 200 in statuses


def meant(case, recording):
    """Names that exist, so that a case comes through to a model."""
    task = next(m for m in MODELS if m in case.path) if case.method == "POST" else "models"
    if isinstance(case.body, dict):
        if "model" in case.body:
            case.body["model"] = MODELS[task]
        if "file" in case.body:
            case.body["file"] = recording
        case.body.pop("voice", None)
        case.body.pop("style", None)
    if case.path.startswith("/openai"):
        case.query = {"api-version": "2024-10-21"}
    case.headers = {}
    for name in ("model", "deployment"):
        if name in (case.path_parameters or {}):
            case.path_parameters[name] = MODELS[task]


def test_the_document_tells_of_no_422(client):
    paths = client.get("/openapi.json").json()["paths"]
    for methods in paths.values():
        for operation in methods.values():
            assert "422" not in operation["responses"]


def test_the_document_says_how_to_send_a_key(client):
    document = client.get("/openapi.json").json()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "api-key"}
