"""How much one request, and all of them, may take.

Knows: the limits and their defaults.
Refuses to know: who enforces them, and where they were configured.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Limits of a server.

    Attributes:
        max_body_bytes: of a request. OpenAI takes recordings of 25 MB, and a form is around them.
        max_json_bytes: of a request that is no form; reading JSON holds up everybody else.
        max_speech_characters: of a text to be spoken. OpenAI's rule is 4096; a chapter of a book
            is 30,000, and it is spoken as a stream, so it costs time and no memory.
        max_chat_characters: of all messages of a conversation together.
        request_seconds: from the end of the body to the last byte of the answer.
        concurrent: requests of models that run at the same time.
        waiting: requests that may wait for their turn; more are answered 503.
        wait_seconds: how long they may wait.
        read_seconds: how long a body may take to arrive.
        hosts: names by which the server may be called (the header Host, without its port); None for
            any. A server that trusts whoever is on its machine must name them: else a web page, by
            a name of its own that leads to 127.0.0.1, would speak for the person who opened it.
    """

    max_body_bytes: int = 26 * 2**20
    max_json_bytes: int = 4 * 2**20
    max_speech_characters: int = 50_000
    max_chat_characters: int = 400_000
    request_seconds: float = 600.0
    concurrent: int = 16
    waiting: int = 64
    wait_seconds: float = 20.0
    read_seconds: float = 60.0
    hosts: frozenset[str] | None = None
