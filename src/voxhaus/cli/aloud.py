"""Speaking an answer while it is still being written.

Knows: sentences in a stream of text, a thread that speaks them, and the system's audio players.
Refuses to know: where the text comes from.
"""

import contextlib
import re
import shutil
import subprocess
import threading
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import typer

from voxhaus.core.audio import check_audio_target, write_audio
from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.core.provenance import spoken_by
from voxhaus.core.speech import AudioChunk, join
from voxhaus.models.text.cast import cast
from voxhaus.models.text.sentences import split
from voxhaus.runtime.voice import Voice

# Programs that play raw samples from a pipe, and how they are told of 16 bits, one channel.
PLAYERS = {
    "pw-play": "pw-play --raw --format=s16 --channels=1 --rate={rate} -",
    "paplay": "paplay --raw --format=s16le --channels=1 --rate={rate}",
    "aplay": "aplay -q -t raw -f S16_LE -c 1 -r {rate} -",
    "ffplay": "ffplay -loglevel quiet -nodisp -autoexit -f s16le -ch_layout mono -ar {rate} -",
    "play": "play -q -t raw -e signed -b 16 -c 1 -r {rate} -",
}
# Signs that markup would be made of; a model's text is no markup.
_MARKUP = re.compile(r"[\[\]<>*_`#]")


class Aloud:
    """Speaks text sentence by sentence in a thread of its own.

    Args:
        voice: who speaks; the default voice if None.
        output: an audio file for all that is spoken, instead of playing it.

    Raises:
        InputError: there is no such voice, the file cannot be written, or no player is installed.
    """

    def __init__(self, voice: str | None, output: Path | None) -> None:
        if output is not None:
            check_audio_target(output)
        self._voice, self._output = voice, output
        self._command = [] if output is not None else _player()
        self._speaker = Voice.load()
        known = {info.id for info in self._speaker.voices()}
        if voice is not None and voice not in known and not {"+", ":"} & set(voice):
            raise InputError(
                f"There is no voice '{voice}'. Voices: {', '.join(sorted(known))}.", param="voice"
            )
        self._text, self._stopped = "", False
        self._spoken: list[AudioChunk] = []
        self._said: list[str] = []
        self._failed: Exception | None = None
        self._playing: subprocess.Popen[bytes] | None = None
        self._sentences: SimpleQueue[str | threading.Event | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="aloud", daemon=True)
        self._thread.start()

    def push(self, text: str) -> None:
        """More of the answer; sentences that are complete begin to be spoken."""
        self._text += text
        sentences = split(self._text)
        if len(sentences) < 2:  # the last may go on
            return
        at = sentences[-1].start
        self._sentences.put(self._text[:at])
        self._text = self._text[at:]

    def finish(self) -> None:
        """The answer is whole: wait until it was spoken.

        Raises:
            VoxhausError: speaking or playing failed.
        """
        done = threading.Event()
        self._sentences.put(self._text)
        self._sentences.put(done)
        self._text = ""
        try:
            while not done.wait(0.1):
                pass
        except KeyboardInterrupt:
            self.stop()
            done.wait()
        self._stopped = False
        failed, self._failed = self._failed, None
        if failed is not None:
            raise failed if isinstance(failed, VoxhausError) else VoxhausError(str(failed))

    def stop(self) -> None:
        """Speak no more of this answer."""
        self._stopped, self._text = True, ""
        if self._playing is not None:
            self._playing.terminate()

    def close(self) -> None:
        """Write the file, if that is where it goes."""
        self._sentences.put(None)
        self._thread.join()
        if self._output is None:
            return
        if not self._spoken:
            typer.echo("Nothing was spoken, so no file was written.", err=True)
            return
        voices = cast("".join(self._said), self._voice or self._speaker.default_voice)
        speech = join(self._spoken, self._speaker.sample_rate)
        write_audio(self._output, speech, provenance=spoken_by(self._speaker, voices))

    def _work(self) -> None:
        while (item := self._sentences.get()) is not None:
            if isinstance(item, threading.Event):
                self._drain()
                item.set()
            elif not self._stopped:
                try:
                    self._speak(_MARKUP.sub(" ", item))
                except Exception as error:
                    self._failed, self._stopped = error, True

    def _speak(self, text: str) -> None:
        if not any(c.isalnum() for c in text):
            return
        self._said.append(text)
        for chunk in self._speaker.stream(text, voice=self._voice):
            if self._stopped:
                return
            if self._output is not None:
                self._spoken.append(chunk)
            else:
                self._play(chunk)

    def _play(self, chunk: AudioChunk) -> None:
        if self._playing is None:
            rate = str(chunk.sample_rate)
            command = [part.replace("{rate}", rate) for part in self._command]
            self._playing = subprocess.Popen(command, stdin=subprocess.PIPE)
        assert self._playing.stdin is not None
        try:
            self._playing.stdin.write((chunk.samples * 32767).astype(np.int16).tobytes())
            self._playing.stdin.flush()
        except BrokenPipeError:
            if not self._stopped:
                raise VoxhausError(f"{self._command[0]} ended; is there a sound device?") from None

    def _drain(self) -> None:
        playing, self._playing = self._playing, None
        if playing is not None and playing.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                playing.stdin.close()
            playing.wait()


def _player() -> list[str]:
    for name, command in PLAYERS.items():
        if shutil.which(name):
            return command.split()
    raise InputError(
        f"To be heard, --speak needs one of {', '.join(PLAYERS)}; or give a file with -o.",
        param="speak",
    )
