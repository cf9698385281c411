"""`voxhaus voices`: who can speak.

Knows: how the list is shown.
Refuses to know: where voices come from.
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from voxhaus.cli.terminal import AsJson, Model, print_json, print_table

if TYPE_CHECKING:
    from voxhaus.core.speech import VoiceInfo


def voices(model: Model = None, as_json: AsJson = False) -> None:
    """List the voices: id, name, sex, accent, language, styles."""
    from voxhaus.runtime.voice import DEFAULT_MODEL, Voice

    speaker = Voice.load(model or DEFAULT_MODEL, threads=1)
    listed = speaker.voices()
    if as_json:
        print_json(
            {
                "model": speaker.name,
                "version": speaker.version,
                "default": speaker.default_voice,
                "voices": [_described(v) for v in listed],
            }
        )
        return
    rows = [[v.id, v.name, v.sex, v.accent, v.language, ", ".join(v.styles)] for v in listed]
    print_table(["ID", "NAME", "SEX", "ACCENT", "LANGUAGE", "STYLES"], rows)


def _described(voice: "VoiceInfo") -> dict[str, Any]:
    """Consent is told of voices that needed it, and of no other."""
    return {k: v for k, v in asdict(voice).items() if k != "consent" or v}
