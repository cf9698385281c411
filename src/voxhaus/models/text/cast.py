"""Which voices a text asks for.

Knows: that a voice holds for what its span encloses, and that silence has no voice.
Refuses to know: which voices exist, and how anything is spoken.
"""

from collections.abc import Iterator

from voxhaus.models.text import markup


def cast(text: str, default: str) -> tuple[str, ...]:
    """The voices that speak a text, in the order in which they are first heard.

    Args:
        text: plain text with the project's markup, or SSML.
        default: the voice of what no tag gives to another.

    Raises:
        InputError: broken markup.
    """
    if markup.is_ssml(text):
        from voxhaus.models.text import ssml

        tree = ssml.parse(text)
    else:
        tree = markup.parse(text)
    return tuple(dict.fromkeys(_heard(tree, default)))


def _heard(node: markup.Node, voice: str) -> Iterator[str]:
    if isinstance(node, markup.Text) and node.text.strip():
        yield voice
    elif isinstance(node, markup.Span):
        for child in node.children:
            yield from _heard(child, str(node.value) if node.kind == "voice" else voice)
