"""Which sentences ask for a yes or a no.

Knows: the words that open other questions, and where a clause begins.
Refuses to know: melodies, and what is asked.

In English a question that can be answered by yes or no rises at its end, whether its words are
turned around ("Are you coming?") or not ("You are coming?"); one that asks who, what or where falls
like a statement, and so does a choice between two things ("Tea or coffee?").
"""

from voxhaus.models.text.utterance import Utterance

_ASKING = frozenset(
    """who whom whose what which when where why how whoever whatever whichever whenever wherever
who's what's when's where's why's how's who'll what'll who'd what'd how'd where'd why'd
what're""".split()
)
# May stand before them: "And why?", "So what?", "To whom?", "In which drawer?"
_BEFORE = frozenset(
    """and but so or well then now oh okay yes no to in on at for from with by of about
until since into under over between through just only exactly""".split()
)
_CLAUSE = frozenset(",;:—….!?")
_CLOSERS = '"”’) '


def asks_yes_or_no(utterance: Utterance) -> bool:
    """Whether a sentence is a question that rises at its end."""
    said = utterance.phonemes.rstrip(_CLOSERS)
    if not said.endswith("?"):
        return False
    opening, choice = True, False
    starts = [*(w.start for w in utterance.words[1:]), len(said)]
    for word, following in zip(utterance.words, starts, strict=True):
        text = word.text.strip("\"'“”‘’()*").replace("’", "'").lower()
        if opening and text in _ASKING:
            return False
        choice = choice or (text == "or" and not opening)
        marked = not _CLAUSE.isdisjoint(said[word.end : following])
        opening = marked or (opening and text in _BEFORE)
    return not choice


def nucleus(utterance: Utterance) -> int | None:
    """Index of the phoneme from which on a question rises: the sign of the last strong stress.

    None where nothing is stressed.
    """
    at = utterance.phonemes.rfind("ˈ")
    at = utterance.phonemes.rfind("ˌ") if at < 0 else at
    return at if at >= 0 else None
