"""engines.toml: what may stand there, and what is said of what may not."""

import pytest

from voxhaus.core.errors import InputError
from voxhaus.products.orchestrator.config import engines_file, load_config, parse

GOOD = """
[engines.ours]
kind = "voice"
models = ["voxhaus-voice-1"]

[engines.home]
kind = "openai"
task = "chat"
base_url = "http://localhost:11434/v1"
local = true
models = { qwen = "qwen3:4b" }
timeout = { first = 5 }
"""


@pytest.fixture(autouse=True)
def _own_home(monkeypatch, tmp_path):
    monkeypatch.setenv("VOXHAUS_CONFIG", str(tmp_path / "voxhaus.toml"))
    monkeypatch.delenv("VOXHAUS_ENGINES", raising=False)


def test_without_a_file_our_voice_answers_to_the_sdks_names():
    config = load_config()
    assert config.engines["voice"].local
    assert list(config.routes) == ["tts-1", "tts-1-hd", "gpt-4o-mini-tts"]
    assert config.source == "built in"


def test_a_file_beside_the_configuration_is_read(tmp_path):
    (tmp_path / "engines.toml").write_text(GOOD)
    config = load_config()
    assert config.source == str(tmp_path / "engines.toml") == str(engines_file())
    assert config.engines["ours"].task == "speech"
    assert config.engines["home"].models == {"qwen": "qwen3:4b"}
    assert (config.engines["home"].timeout.first, config.engines["home"].timeout.idle) == (5, 30)


def test_the_environment_names_another_file(tmp_path, monkeypatch):
    monkeypatch.setenv("VOXHAUS_ENGINES", str(tmp_path / "mine.toml"))
    with pytest.raises(InputError, match=r"There is no file .*mine\.toml"):
        load_config()
    (tmp_path / "mine.toml").write_text(GOOD)
    assert "home" in load_config().engines


def test_a_file_that_is_not_utf8_is_told(tmp_path):
    (tmp_path / "engines.toml").write_bytes(b"# \xff\xfe")
    with pytest.raises(InputError, match="is not UTF-8"):
        load_config()


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("[engines.ours\n", r"engines\.toml is not valid TOML: .*line"),
        ("", "'engines' is missing"),
        (GOOD + "pirce = 1\n", r"'engines\.home\.pirce' is not a setting; there are kind, task"),
        (GOOD + "[engins.x]\n", r"'engins' is not a setting; there are engines, routes"),
        (GOOD + 'source = "x"\n[routes.r]\nengines = ["home"]\n', "not a setting"),
        (GOOD.replace("first = 5", "fist = 5"), r"'engines\.home\.timeout\.fist' is not a setting"),
        (GOOD.replace("first = 5", "first = 0"), r"'engines\.home\.timeout\.first': .*greater"),
        (GOOD.replace('"voice"', '"vioce"'), r"'engines\.ours\.kind': .*'voice', 'llama'"),
        (
            GOOD + '[routes.r]\nengines = ["nobody"]\n',
            r"'routes\.r\.engines': there is no engine 'nobody'; there are ours",
        ),
        (
            GOOD + '[routes.r]\nengines = ["home/x"]\n',
            "engine 'home' has no model 'x'; it has qwen",
        ),
        (GOOD + '[routes.r]\nengines = ["home", "ours"]\n', "mixes the tasks chat, speech"),
        (GOOD + '[routes.qwen]\nengines = ["home"]\n', "'routes.qwen' has the name of a model"),
        (GOOD + '[routes.r]\nengines = ["home"]\npolicy = "best"\n', r"routes\.r\.policy"),
        (GOOD.replace("localhost", "192.168.0.7"), "192.168.0.7 is not localhost"),
        (GOOD.replace("localhost", "127.0.0.1.evil.example"), "is not localhost"),
        (GOOD.replace("http://", "ftp://"), "'base_url' must look like"),
        (GOOD.replace("localhost", "u:p@localhost"), "without user and password"),
        (GOOD.replace('kind = "openai"', 'kind = "azure"'), "needs 'base_url'.*'api_version'"),
        (GOOD.replace('"voice"', '"voice"\nlocal = false'), "runs in this process: it is local"),
        (GOOD.replace('"voice"', '"voice"\ntask = "chat"'), "the task of kind 'voice' is 'speech'"),
        (GOOD.replace('"voice"', '"voice"\nbase_url = "http://x"'), "has no 'base_url'"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(broken, message):
    with pytest.raises(InputError, match=message) as caught:
        parse(broken, "engines.toml")
    told = str(caught.value)
    assert told.startswith("engines.toml")
    assert "\n" not in told
    assert caught.value.param == "config"


@pytest.mark.parametrize("key", ["sk-proj-secret", "sk_secret", "vh_5f3secret"])
def test_a_key_in_the_file_is_refused_and_not_repeated(key):
    text = GOOD + f'api_key_env = "{key}"\n'
    with pytest.raises(InputError, match="never a key") as caught:
        parse(text, "engines.toml")
    assert "secret" not in str(caught.value)


def test_nothing_can_be_changed_afterwards():
    config = parse(GOOD, "engines.toml")
    with pytest.raises(ValueError, match="frozen"):
        config.engines["home"].local = False
