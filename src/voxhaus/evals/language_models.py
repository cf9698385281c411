"""The models that are scored: ours, and others through transformers.

Knows: how each is loaded, scores ids and answers conversations.
Refuses to know: what is scored.

llama.cpp's server (xllamacpp) gives probabilities of what it writes, not of what it is given, so a
GGUF file is dequantised by transformers and scored from there: the same weights, in float32.
"""

import contextlib
import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from voxhaus.core.errors import InputError, MissingExtraError, VoxhausError
from voxhaus.core.paths import cache_root
from voxhaus.evals.language import Scorer

SMOLLM2 = "smollm2-135m-instruct"
_SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
TRANSFORMERS = "transformers:"
_BATCH = 16

Turns = Sequence[Mapping[str, str]]


class Model(Scorer, Protocol):
    """A model that can be scored and asked."""

    @property
    def name(self) -> str:
        """As a table calls it."""

    def prompt(self, messages: Turns) -> list[int]:
        """Ids of a conversation up to where the assistant's next turn begins."""

    def answers(self, conversations: Sequence[Turns], tokens: int) -> list[str]:
        """The likeliest next turn of each (greedy), of at most so many tokens."""


def load(name: str, threads: int = 0) -> Model:
    """A model by name.

    Args:
        name: a model or folder that `voxhaus.Language` loads; "transformers:FOLDER" for a Hugging
            Face folder through transformers; a GGUF file; or "smollm2-135m-instruct", which
            `voxhaus engines fetch` puts into the cache.
        threads: of the processor; 0 is the library's choice.

    Raises:
        InputError: there is no such model.
        MissingExtraError: it needs transformers.
    """
    if name == SMOLLM2:
        path = cache_root() / "models" / _SMOLLM2_FILE
        if not path.is_file():
            raise InputError(
                f"The model '{name}' is not here yet. Fetch it with: voxhaus engines fetch {name}",
                param="model",
            )
        return HuggingFace(path, name, threads)
    if name.endswith(".gguf") or name.startswith(TRANSFORMERS):
        path = Path(name.removeprefix(TRANSFORMERS))
        if not path.exists():
            raise InputError(f"There is no model {path}.", param="model")
        return HuggingFace(path, path.name, threads)
    return Ours(name, threads)


class Ours:
    """A model of the default runtime."""

    def __init__(self, name: str, threads: int) -> None:
        from voxhaus import Language

        self._model: Any = Language.load(name, threads=threads or None)
        self.name = name
        self.context = int(self._model.context)

    def encode(self, text: str) -> list[int]:
        """See `Scorer`."""
        return list(self._model.tokenizer.encode(text))

    def log_probabilities(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """See `Scorer`."""
        return np.asarray(self._model.log_probabilities(ids), np.float32)

    def prompt(self, messages: Turns) -> list[int]:
        """See `Model`."""
        from voxhaus.models.language.chat_template import write

        return list(write(messages, self._model.tokenizer, generate=True).ids)

    def answers(self, conversations: Sequence[Turns], tokens: int) -> list[str]:
        """Asked all at once: the runtime answers several together."""

        def answer(messages: Turns) -> str:
            said = self._model.chat(messages, temperature=0.0, max_tokens=tokens)
            return str(said.text).strip()

        with ThreadPoolExecutor(_BATCH) as pool:
            return list(pool.map(answer, conversations))


class HuggingFace:
    """A folder or GGUF file through transformers, in float32."""

    def __init__(self, path: Path, name: str, threads: int) -> None:
        try:
            import torch
            import transformers
        except ImportError:
            raise MissingExtraError("transformers", "language") from None
        library: Any = transformers  # some of it is typed and some is not
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
        if threads:
            torch.set_num_threads(threads)
        where: dict[str, Any] = {"pretrained_model_name_or_path": path}
        if path.suffix == ".gguf":
            where = {"pretrained_model_name_or_path": path.parent, "gguf_file": path.name}
        try:
            self._tokenizer: Any = library.AutoTokenizer.from_pretrained(
                **where, local_files_only=True
            )
            with contextlib.redirect_stderr(io.StringIO()):  # a bar that nothing else can stop
                self._model: Any = library.AutoModelForCausalLM.from_pretrained(
                    **where, local_files_only=True, dtype=torch.float32
                ).eval()
        except (OSError, ValueError, KeyError, ImportError) as error:
            reason = str(error).strip().splitlines()[0]
            raise VoxhausError(f"transformers cannot load {path}: {reason}") from error
        self.name = name
        self.context = int(self._model.config.max_position_embeddings)
        self._start = self._start_of_text()
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token_id = self._start
        self._tokenizer.padding_side = "left"

    def _start_of_text(self) -> int:
        """What stands between documents: chat models often name a turn's token as their first."""
        known = self._tokenizer.get_vocab()
        tokens = ("<|endoftext|>", self._tokenizer.bos_token, self._tokenizer.eos_token)
        return next(int(known[t]) for t in tokens if t in known)

    def encode(self, text: str) -> list[int]:
        """See `Scorer`."""
        return list(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def log_probabilities(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """See `Scorer`."""
        import torch

        given = torch.tensor([[self._start, *ids]])
        with torch.inference_mode():
            logits = self._model(given).logits[0, :-1].float()
        found = logits.log_softmax(-1).gather(1, given[0, 1:, None])[:, 0]
        return np.asarray(found.numpy(), np.float32)

    def prompt(self, messages: Turns) -> list[int]:
        """See `Model`."""
        return self.encode(self._text(messages))

    def _text(self, messages: Turns) -> str:
        if not self._tokenizer.chat_template:
            raise InputError(f"The model {self.name} has no chat template.", param="model")
        return str(
            self._tokenizer.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=True
            )
        )

    def answers(self, conversations: Sequence[Turns], tokens: int) -> list[str]:
        """In batches of about the same length."""
        import torch

        found: dict[int, str] = {}
        texts = [self._text(messages) for messages in conversations]
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), _BATCH):
            places = order[start : start + _BATCH]
            given = self._tokenizer(
                [texts[i] for i in places],
                return_tensors="pt", padding=True, add_special_tokens=False,
            )  # fmt: skip
            with torch.inference_mode():
                made = self._model.generate(
                    **given, max_new_tokens=tokens, do_sample=False,
                    pad_token_id=self._tokenizer.pad_token_id,
                    eos_token_id=self._ends(),
                )  # fmt: skip
            said = made[:, given["input_ids"].shape[1] :]
            for place, ids in zip(places, said, strict=True):
                found[place] = self._tokenizer.decode(ids, skip_special_tokens=True).strip()
        return [found[i] for i in range(len(texts))]

    def _ends(self) -> list[int]:
        known = self._tokenizer.get_vocab()
        names = {"<|im_end|>", "<|endoftext|>", self._tokenizer.eos_token}
        return sorted(known[n] for n in names if n in known)
