"""Is it English (or another wanted language)?

Knows: the languages that py3langid tells apart, offline, from a model in its own wheel.
Refuses to know: anything else about the text.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from voxhaus.core.errors import MissingExtraError
from voxhaus.training.data.documents import Document
from voxhaus.training.data.steps import Refusal

# This much of a text decides: more changes nothing and costs time.
_READ = 1000


@cache
def _identifier() -> Callable[[str], tuple[str, float]]:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError as error:
        raise MissingExtraError("py3langid", "language") from error
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    found: Callable[[str], tuple[str, float]] = identifier.classify
    return found


@dataclass(frozen=True, kw_only=True)
class LanguageIs:
    """Keeps documents of one language.

    Attributes:
        language: ISO 639-1 code.
        least_probability: FineWeb keeps English at 0.65 and above (Penedo et al., 2024, section
            3.1; there by fastText).
    """

    language: str = "en"
    least_probability: float = 0.65
    name: str = "language"

    def __call__(self, document: Document) -> Document | Refusal:
        """The document as it is, or a refusal that names the language found."""
        language, probability = _identifier()(document.text[:_READ])
        if language != self.language:
            return Refusal(self.name, "another language")
        if probability < self.least_probability:
            return Refusal(self.name, "language unsure")
        return document
