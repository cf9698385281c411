"""`voxhaus chat`: a conversation in the terminal.

Knows: arguments, what is shown while an answer comes, and what a conversation remembers.
Refuses to know: how answers and speech are made.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voxhaus.cli.terminal import AsJson, print_error, print_json, working
from voxhaus.core.errors import InputError

if TYPE_CHECKING:
    from voxhaus.cli.aloud import Aloud
    from voxhaus.core.chat import Message
    from voxhaus.runtime.language.language import Language

HELP = "/new forgets the conversation, /bye or Ctrl-D ends it, Ctrl-C stops an answer."


def chat(
    prompt: Annotated[
        str | None,
        typer.Argument(
            help="One question, instead of a conversation; - reads it from a pipe.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="A model of `voxhaus models` or `voxhaus pull`, or a Hugging Face folder.",
        ),
    ] = None,
    system: Annotated[
        str | None, typer.Option("--system", help="What the model is told before anything else.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", help="Of each answer.", show_default=False)
    ] = None,
    temperature: Annotated[
        float | None, typer.Option("--temperature", help="0 to 2; 0 is the likeliest answer.")
    ] = None,
    top_k: Annotated[int | None, typer.Option("--top-k", help="Of the likeliest tokens.")] = None,
    top_p: Annotated[float | None, typer.Option("--top-p", help="Share of the likeliest.")] = None,
    min_p: Annotated[
        float | None, typer.Option("--min-p", help="Least share, by the likeliest one's.")
    ] = None,
    repetition_penalty: Annotated[
        float | None, typer.Option("--repetition-penalty", help="Above 1 repeats less.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="The same seed, the same answer.")
    ] = None,
    stop: Annotated[
        list[str] | None, typer.Option("--stop", help="A text that ends the answer; repeatable.")
    ] = None,
    schema: Annotated[
        Path | None,
        typer.Option(
            "--schema", metavar="FILE", help="A JSON schema that answers follow (extra `json`)."
        ),
    ] = None,
    speak: Annotated[
        bool, typer.Option("--speak", help="Speak each sentence as soon as it is there.")
    ] = False,
    voice: Annotated[str | None, typer.Option("--voice", help="Who speaks.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Put what is spoken into an audio file instead."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option("--threads", min=1, help="CPUs for each token; default: by the model."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Talk with a text model; without PROMPT, turn by turn.

    What is not given is the model's own default. With --json (and a PROMPT): model, text, reason
    (stop or length), prompt_tokens, completion_tokens, first_token_seconds, wall_seconds,
    tokens_per_second, load_seconds.
    """
    from voxhaus.cli.text_input import read_text
    from voxhaus.runtime.language.language import DEFAULT_MODEL, Language

    single = prompt is not None or not sys.stdin.isatty()
    if as_json and not single:
        raise InputError("--json needs a PROMPT.", param="prompt")
    question = read_text(prompt, None) if single else ""
    given = {
        "max_tokens": max_tokens,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "repetition_penalty": repetition_penalty,
        "seed": seed,
        "stop": stop,
        "json": _schema(schema) if schema else None,
    }
    aloud = _aloud(voice, output) if speak or output else None
    with working("Loading the model"):
        language = Language.load(model or DEFAULT_MODEL, threads=threads)
    talk = Conversation(language, system, given, aloud)
    try:
        if single:
            report = talk.ask(question, show=not as_json)
            if as_json:
                print_json(report)
            if report["reason"] == "interrupted":
                raise KeyboardInterrupt
        else:
            _turns(talk)
    finally:
        if aloud is not None:
            aloud.close()


def _schema(path: Path) -> Any:  # noqa: ANN401 - whatever the file says
    import json

    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", param="schema") from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}.", param="schema") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} is not a JSON schema: it is no object.", param="schema")
    return found


def _aloud(voice: str | None, output: Path | None) -> "Aloud":
    from voxhaus.cli.aloud import Aloud

    return Aloud(voice, output)


def _turns(talk: "Conversation") -> None:
    typer.echo(f"{talk.language.name}. {HELP}", err=True)
    while True:
        try:
            asked = input("> ").strip()
        except EOFError:
            typer.echo(err=True)
            return
        match asked:
            case "":
                continue
            case "/bye":
                return
            case "/new":
                talk.forget()
            case _ if asked.startswith("/"):
                typer.echo(HELP, err=True)
            case _:
                try:
                    talk.ask(asked)
                except InputError as error:
                    print_error(str(error))


@dataclass
class Conversation:
    """What was said so far, and the next answer.

    Attributes:
        system: what the model is told first.
        given: options of every answer.
        aloud: speaks answers.
    """

    language: "Language"
    system: str | None
    given: dict[str, Any]
    aloud: "Aloud | None" = None
    history: "list[Message]" = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin."""
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        from voxhaus.core.chat import Message

        self.history = [Message(role="system", content=self.system)] if self.system else []

    def ask(self, question: str, *, show: bool = True) -> dict[str, Any]:
        """One question and its answer, shown as it comes; Ctrl-C ends it.

        Raises:
            InputError: the question alone is too long, or an option is out of range.
        """
        from voxhaus.core.chat import Message

        self.history.append(Message(role="user", content=question))
        begun = time.perf_counter()
        try:
            events = self._events()
        except Exception:
            self.history.pop()
            raise
        said: list[str] = []
        report: dict[str, Any] = {
            "reason": "interrupted",
            "prompt_tokens": 0,
            "completion_tokens": 0,
        }
        first = 0.0
        try:
            with closing(events):
                for text in _told(events, report):
                    first = first or time.perf_counter() - begun
                    said.append(text)
                    if show:
                        typer.echo(text, nl=False)
                        sys.stdout.flush()
                    if self.aloud is not None:
                        self.aloud.push(text)
        except KeyboardInterrupt:
            if self.aloud is not None:
                self.aloud.stop()
        if show:
            typer.echo()
        answer = "".join(said)
        self.history.append(Message(role="assistant", content=answer))
        wall = time.perf_counter() - begun
        if self.aloud is not None:
            self.aloud.finish()
        return {
            "model": self.language.name,
            "text": answer,
            **report,
            "first_token_seconds": round(first, 4),
            "wall_seconds": round(wall, 4),
            "tokens_per_second": round(report["completion_tokens"] / wall, 1),
            "load_seconds": round(self.language.load_seconds, 4),
        }

    def _events(self) -> Any:  # noqa: ANN401 - an iterator that can be closed
        """The answer; the oldest turns are forgotten if it has no room otherwise."""
        options = self.language.options(self.given)
        while True:
            try:
                return self.language.events(self.history, options)
            except InputError as error:
                oldest = 1 if self.system else 0
                if error.param != "messages" or len(self.history) <= oldest + 2:
                    raise
                del self.history[oldest : oldest + 2]
                typer.echo("(The oldest turn is forgotten: the context is full.)", err=True)


def _told(events: Iterator[Any], report: dict[str, Any]) -> Iterator[str]:
    from voxhaus.core.chat import ChatDelta

    for event in events:
        if isinstance(event, ChatDelta):
            yield event.text
        else:
            report["reason"] = event.reason
            report["prompt_tokens"] = event.usage.prompt
            report["completion_tokens"] = event.usage.completion
