"""Many answers at once: one thread that lets a batch of conversations through the model.

Knows: who waits, who is being answered, and that they come and go between two steps.
Refuses to know: messages, HTTP, and what the model computes.

Conversations that are being answered have the first places of the cache, in any order; one whose
prompt is still being read has the place behind them. Who leaves is replaced by the last. Prompts
are read in pieces, so that nobody's answer stops for longer than a piece takes.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.chat import ChatDelta, ChatEnd, ChatEvent, StopReason, TokenUsage
from voxhaus.core.errors import VoxhausError
from voxhaus.models.text.tokenizer import Tokenizer, Utf8Stream
from voxhaus.runtime.language.grammar import Matcher
from voxhaus.runtime.language.options import Options
from voxhaus.runtime.language.sampling import Sampler
from voxhaus.runtime.language.steps import CHUNK, Steps
from voxhaus.runtime.language.stops import Stops

T = TypeVar("T")


@dataclass(eq=False, kw_only=True)
class Job:
    """One answer that is asked for.

    Attributes:
        ids: the prompt, shorter than the context.
        options: of the answer.
        matcher: of answers that follow a grammar.
    """

    ids: Sequence[int]
    options: Options
    matcher: Matcher | None = None
    events: SimpleQueue[ChatEvent | BaseException] = field(default_factory=SimpleQueue)
    cancelled: bool = False
    length: int = 0  # tokens in the cache
    last: int = -1  # the newest token, not yet in the cache
    made: int = 0

    def start(self, tokenizer: Tokenizer) -> None:
        """Get ready for the first token."""
        self.sampler = Sampler(self.options, self.ids)
        self.text, self.stops = Utf8Stream(tokenizer), Stops(self.options.stop)


class Events(Iterator[ChatEvent]):
    """What comes of a job. Closed or forgotten, it gives the job up, even before any event."""

    def __init__(self, job: Job) -> None:
        self._job, self._ended = job, False

    def __next__(self) -> ChatEvent:
        if self._ended:
            raise StopIteration
        event = self._job.events.get()
        self._ended = not isinstance(event, ChatDelta)
        if isinstance(event, BaseException):
            raise event
        return event

    def close(self) -> None:
        """Give the job up."""
        self._ended = self._job.cancelled = True

    def __del__(self) -> None:
        self.close()


class Scheduler:
    """Answers jobs, up to as many at once as there are places.

    Args:
        steps: the model; from now on used by the scheduler's thread only.
        tokenizer: of the model.
        ends: tokens that end an answer.
        places: answers at the same time; `steps` has one place more, for `call`.
    """

    def __init__(
        self, steps: Steps, tokenizer: Tokenizer, ends: Collection[int], *, places: int
    ) -> None:
        self._steps, self._tokenizer, self._ends = steps, tokenizer, frozenset(ends)
        self._places = places
        size = steps.config.vocab_size
        self._stopping = np.array(sorted(e for e in self._ends if e < size), np.intp)
        self._never = _never(tokenizer, size, self._ends)
        self._change = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._running: list[Job] = []
        self._arriving: Job | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def busy(self) -> int:
        """Answers that are being made or wait."""
        with self._change:
            arriving = 0 if self._arriving is None else 1
            return len(self._running) + len(self._waiting) + arriving

    def answer(self, job: Job) -> "Events":
        """The events of a job; it is under way when this returns, and given up when closed."""
        with self._change:
            self._alive()
            self._waiting.append(job)
            self._change.notify()
        return Events(job)

    def call(self, work: Callable[[Steps], T]) -> T:
        """Do something with the model between two steps, and wait for it."""
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(work(self._steps))
            except BaseException as error:
                done.set_exception(error)

        with self._change:
            self._alive()
            self._calls.append(run)
            self._change.notify()
        return done.result()

    def close(self) -> None:
        """Give up all answers and end the thread; who waits for an answer hears of it."""
        with self._change:
            self._closed = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join()
        while self._calls:
            self._calls.popleft()()
        self._fail(VoxhausError("The model was closed."))

    def _alive(self) -> None:
        if self._closed:
            raise VoxhausError("The model was closed.")
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="language", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while self._wait():
            try:
                self._round()
            except BaseException as error:  # whatever it is, those who wait must hear of it
                self._fail(error)

    def _wait(self) -> bool:
        with self._change:
            while not (self._closed or self._waiting or self._calls or self._running):
                if self._arriving is not None:
                    break
                self._change.wait()
            return not self._closed

    def _fail(self, error: BaseException) -> None:
        with self._change:
            jobs = [*self._running, *self._waiting]
            jobs += [self._arriving] if self._arriving else []
            self._running, self._arriving = [], None
            self._waiting.clear()
        for job in jobs:
            job.events.put(error)

    def _round(self) -> None:
        """One token for everyone, and a piece of the prompts that wait."""
        while self._calls:
            self._calls.popleft()()
        for job in [j for j in self._running if j.cancelled]:
            self._leave(job)
        budget = CHUNK
        while budget > 0 and self._arrive():
            budget -= self._read(budget)
        if self._running:
            self._advance()

    def _arrive(self) -> bool:
        """Whether there is a prompt to read."""
        if self._arriving is not None and self._arriving.cancelled:
            self._arriving = None
        while self._arriving is None and len(self._running) < self._places:
            with self._change:
                if not self._waiting:
                    return False
                job = self._waiting.popleft()
            if not job.cancelled:
                job.start(self._tokenizer)
                self._arriving = job
        return self._arriving is not None

    def _read(self, budget: int) -> int:
        job = self._arriving
        assert job is not None
        piece = job.ids[job.length : job.length + budget]
        logits = self._steps.prefill(len(self._running), piece, job.length)
        job.length += len(piece)
        if job.length == len(job.ids):
            self._arriving = None
            self._running.append(job)
            if self._take(job, logits[0]):
                self._leave(job)
        return len(piece)

    def _advance(self) -> None:
        jobs = list(self._running)
        logits = self._steps.step([j.last for j in jobs], [j.length for j in jobs])
        done = []
        for job, row in zip(jobs, logits, strict=True):
            job.length += 1
            if self._take(job, row):
                done.append(job)
        for job in done:
            self._leave(job)

    def _leave(self, job: Job) -> None:
        """Free a place; the last ones close the gap."""
        at, last = self._running.index(job), len(self._running) - 1
        moved = self._running.pop()
        if at != last:
            self._running[at] = moved
            self._steps.move(last, at, moved.length)
        if self._arriving is not None:
            self._steps.move(last + 1, last, self._arriving.length)

    def _take(self, job: Job, logits: NDArray[np.float32]) -> bool:
        """Choose a job's next token and tell it; whether that was the last."""
        try:
            return self._choose(job, logits)
        except Exception as error:  # of one answer; the others go on
            job.events.put(error)
            return True

    def _choose(self, job: Job, logits: NDArray[np.float32]) -> bool:
        logits[self._never] = -np.inf
        if job.options.endless:
            logits[self._stopping] = -np.inf
        allowed = job.matcher.allowed() if job.matcher is not None else None
        token = job.sampler.choose(logits, allowed)
        job.last, job.made = token, job.made + 1
        if token in self._ends:
            return self._end(job, "stop")
        if job.matcher is not None:
            job.matcher.take(token)
        shown = job.stops.push(job.text.push(token))
        if shown:
            job.events.put(ChatDelta(text=shown))
        if job.stops.found or (job.matcher is not None and job.matcher.done):
            return self._end(job, "stop")
        full = job.length + 1 >= self._steps.config.context
        if full or job.made == job.options.max_tokens:
            return self._end(job, "length")
        return False

    def _end(self, job: Job, reason: StopReason) -> bool:
        rest = job.stops.push(job.text.finish()) + job.stops.finish()
        if rest:
            job.events.put(ChatDelta(text=rest))
        usage = TokenUsage(prompt=len(job.ids), completion=job.made)
        job.events.put(ChatEnd(reason=reason, usage=usage))
        return True


def _never(tokenizer: Tokenizer, size: int, ends: Collection[int]) -> NDArray[np.intp]:
    """Tokens that are in no answer: neither text nor an end."""
    texts = {t for t in range(min(size, tokenizer.size)) if tokenizer.token_bytes(t)}
    return np.array(sorted(set(range(size)) - texts - set(ends)), np.intp)
