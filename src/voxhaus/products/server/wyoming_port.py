"""Home Assistant's door: speech over the Wyoming protocol, on a port of its own.

Knows: the protocol's events, when a sentence of a text that is still being typed is complete, and
that a client which goes away ends the work.
Refuses to know: HTTP. A request goes the same way as one that came by HTTP: door, place, books.

The protocol has no place for a key. What comes in here is done on the account of the one that the
port was opened with; without one, the door judges by address alone. Source: the protocol's
repository (OHF-Voice/wyoming), its text-to-speech events, streaming included.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import suppress
from importlib import metadata
from typing import cast

from wyoming.audio import AudioChunk as SoundSent
from wyoming.audio import AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, async_read_event, async_write_event
from wyoming.info import Attribution, Describe, Info, TtsProgram, TtsVoice
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.core.speech import AudioChunk, SpeechRequest, VoiceInfo
from voxhaus.models.text.cast import cast as voices_of
from voxhaus.models.text.sentences import split
from voxhaus.products.orchestrator.contract import ModelInfo, UnknownModelError
from voxhaus.products.server import logs
from voxhaus.products.server.audio_stream import encoder
from voxhaus.products.server.desk import HUNG_UP, Desk, Knock
from voxhaus.products.server.errors import ApiError, as_api_error
from voxhaus.products.server.voices import stand_in

ROUTE, METHOD = "wyoming:synthesize", "other"
_SENT_AT_ONCE = 4096  # bytes of sound an event: 85 ms at 24 kHz
_LINE, _PAYLOAD = 64 * 1024, 1024 * 1024  # longest header and payload that are read
_WATCH_SECONDS = 0.1


class WyomingPort:
    """A listening port.

    Args:
        desk: what all doors share.
        model: who speaks; the first speech model if None.
        key: on whose account.
    """

    def __init__(self, desk: Desk, *, model: str | None = None, key: str | None = None) -> None:
        self._desk, self._model = desk, model
        self._authorization = f"Bearer {key}" if key else None
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self.seconds = desk.settings.request_seconds

    async def start(self, bound: socket.socket) -> None:
        """Listen at a socket that is bound."""
        self._server = await asyncio.start_server(self._greet, sock=bound, limit=_LINE)

    async def stop(self) -> None:
        """Stop listening, and end all conversations."""
        if self._server:
            self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        try:
            await _Talk(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # it left
        except Exception as error:
            logs.get().error("unexpected exception", exc_info=error)
        finally:
            self._talks.discard(talk)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def model(self) -> ModelInfo:
        """Who speaks.

        Raises:
            UnknownModelError: nobody.
        """
        speakers = [m for m in self._desk.conductor.models() if m.task == "speech"]
        for model in speakers:
            if self._model in (None, model.id):
                return model
        raise UnknownModelError(f"There is no speech model '{self._model or 'of any name'}'.")

    async def spoken(
        self, text: str, voice: SynthesizeVoice | None, host: str | None
    ) -> AsyncGenerator[AudioChunk, None]:
        """The sound of a text.

        Raises:
            VoxhausError: all that can go wrong with a request.
        """
        desk, status = self._desk, HUNG_UP
        try:
            self.check(text)
            model = self.model()
            knock = Knock(authorization=self._authorization, client_host=host)
            async with desk.visit(knock, "speech", model.id) as visit:
                chosen = _chosen(voice, model.voices)
                request = SpeechRequest(text=text, model=model.id, voice=chosen)
                visit.taken["characters"] = len(text)
                question = desk.conductor.speak(request, visit.caller)
                async with visit.asking(question) as (_, chunks):
                    made = 0.0
                    async for chunk in chunks:
                        made += len(chunk.samples) / chunk.sample_rate
                        visit.taken["audio_seconds"] = made
                        yield chunk
            status = 200
        except VoxhausError as error:
            status = as_api_error(error).status
            raise
        finally:
            desk.metrics.requests.labels(ROUTE, METHOD, str(status)).inc()

    def check(self, text: str) -> None:
        """Refuse a text that is too long.

        Raises:
            ApiError: 400.
        """
        longest = self._desk.settings.max_speech_characters
        if len(text) > longest:
            message = f"The text has {len(text)} characters; this server takes {longest}."
            raise ApiError(400, message, code="string_above_max_length", param="input")

    def info(self) -> Info:
        """What can be asked for."""
        try:
            model = self.model()
        except UnknownModelError:
            return Info()
        maker = Attribution(name="Voxhaus", url="")
        version = metadata.version("voxhaus")
        voices = [
            TtsVoice(
                name=v.id,
                description=f"{v.name} ({v.sex}, {v.language})",
                attribution=maker,
                installed=True,
                version=version,
                languages=[v.language],
            )
            for v in model.voices
        ]
        program = TtsProgram(
            name="voxhaus",
            description=model.id,
            attribution=maker,
            installed=model.ready,
            version=version,
            voices=voices,
            supports_synthesize_streaming=True,
        )
        return Info(tts=[program])


def _chosen(wanted: SynthesizeVoice | None, voices: tuple[VoiceInfo, ...]) -> str | None:
    """By name, else the first of the language; None leaves it to the model."""
    if wanted is None:
        return None
    if wanted.name:
        return stand_in(wanted.name, voices)
    language = (wanted.language or "").replace("_", "-").lower()
    return next(
        (v.id for v in voices if language and v.language.lower().startswith(language)), None
    )


class _Talk:
    """One connection."""

    def __init__(
        self, port: WyomingPort, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._port, self._reader, self._writer = port, reader, writer
        peer = writer.get_extra_info("peername")
        self._host: str | None = peer[0] if peer else None
        self._typed: _Typed | None = None
        self._sounding = False

    async def run(self) -> None:
        """Answer events until the client leaves, or something goes wrong that it is told."""
        bounded = cast(asyncio.StreamReader, _Bounded(self._reader))
        while (event := await async_read_event(bounded)) is not None:
            try:
                await self._handle(event)
            except VoxhausError as error:
                told = as_api_error(error)
                await self._send(Error(text=str(told), code=told.code).event())
                return  # clients wait for the end of the sound, which does not come
            except (KeyError, TypeError, AttributeError) as error:
                said = f"An event '{event.type}' has not the fields that it must have ({error})."
                await self._send(Error(text=said, code="invalid_event").event())
                return

    async def _handle(self, event: Event) -> None:
        if Describe.is_type(event.type):
            await self._send(self._port.info().event())
        elif Ping.is_type(event.type):
            await self._send(Pong(text=Ping.from_event(event).text).event())
        elif SynthesizeStart.is_type(event.type):
            self._typed = _Typed(SynthesizeStart.from_event(event).voice)
        elif SynthesizeChunk.is_type(event.type) and self._typed:
            self._typed.text += SynthesizeChunk.from_event(event).text
            self._port.check(self._typed.text)
            await self._say(self._typed.complete(), self._typed.voice)
        elif SynthesizeStop.is_type(event.type) and self._typed:
            rest, typed, self._typed = self._typed.text, self._typed, None
            await self._say(rest, typed.voice)
            await self._fall_silent()
            await self._send(SynthesizeStopped().event())
        # Within a stream, clients send the whole text once more for servers that know no streams.
        elif Synthesize.is_type(event.type) and not self._typed:
            asked = Synthesize.from_event(event)
            await self._say(asked.text, asked.voice)
            await self._fall_silent()

    async def _say(self, text: str, voice: SynthesizeVoice | None) -> None:
        """Speak, and stop as soon as the client is gone."""
        if not text.strip():
            return
        work = asyncio.create_task(self._speak(text, voice))
        gone = asyncio.create_task(self._left())
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, gone):
                task.cancel()
            await asyncio.wait({work, gone})
        if work.cancelled():
            raise ConnectionResetError
        work.result()

    async def _speak(self, text: str, voice: SynthesizeVoice | None) -> None:
        spoken, seconds = self._port.spoken(text, voice, self._host), self._port.seconds
        try:
            async with asyncio.timeout(seconds):
                async for chunk in spoken:
                    await self._sound(chunk)
        except TimeoutError:
            message = f"The answer took longer than {seconds:g} seconds."
            raise ApiError(504, message, code="timeout") from None
        finally:
            await spoken.aclose()

    async def _sound(self, chunk: AudioChunk) -> None:
        rate = chunk.sample_rate
        if not self._sounding:
            self._sounding = True
            await self._send(AudioStart(rate=rate, width=2, channels=1).event())
        data = encoder("pcm", rate, None).add(chunk.samples)
        for start in range(0, len(data), _SENT_AT_ONCE):
            part = data[start : start + _SENT_AT_ONCE]
            await self._send(SoundSent(rate=rate, width=2, channels=1, audio=part).event())

    async def _fall_silent(self) -> None:
        if not self._sounding:  # nothing was to be said, and yet clients wait for an end
            await self._send(AudioStart(rate=24_000, width=2, channels=1).event())
        self._sounding = False
        await self._send(AudioStop().event())

    async def _left(self) -> None:
        while not (self._reader.at_eof() or self._writer.is_closing()):
            await asyncio.sleep(_WATCH_SECONDS)

    async def _send(self, event: Event) -> None:
        await async_write_event(event, self._writer)


class _Typed:
    """A text that is still being typed."""

    def __init__(self, voice: SynthesizeVoice | None) -> None:
        self.voice, self.text = voice, ""

    def complete(self) -> str:
        """The sentences that are complete, taken away; "" while there is none.

        A sentence is complete when another one follows, and its markup is closed.
        """
        sentences = split(self.text)
        for last in reversed(sentences[1:]):
            done = self.text[: last.start]
            try:
                voices_of(done, "any")
            except InputError:
                continue
            self.text = self.text[last.start :]
            return done
        return ""


class _Bounded:
    """A reader that reads no more than is sensible; the protocol lets clients name any size."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def readline(self) -> bytes:
        """A header."""
        return await self._reader.readline()

    async def readexactly(self, count: int) -> bytes:
        """What a header announced.

        Raises:
            ValueError: too much; the connection is then closed.
        """
        if not 0 <= count <= _PAYLOAD:
            raise ValueError("too much at once")
        return await self._reader.readexactly(count)
