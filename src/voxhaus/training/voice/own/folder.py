"""The model folder of a voice of one's own.

Knows: its files, and what card and manifest say of data, consent, training and scores.
Refuses to know: how the voice was learned.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from voxhaus.models.voice.acoustic import AcousticModel
from voxhaus.models.voice.config import VoiceConfig
from voxhaus.models.voice.prosody import ProsodyModel
from voxhaus.runtime.voice_model import VoiceModel
from voxhaus.runtime.weights import unchecked
from voxhaus.training.voice import package, styles
from voxhaus.training.voice.dataset import Example
from voxhaus.training.voice.own.consent import FILE, Consent
from voxhaus.training.voice.own.examples import Material
from voxhaus.training.voice.own.tuning import State

MEASURED = 40  # readings by which manners are set


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was learned.

    Attributes:
        acoustic, prosody: weights of both models.
        table: style vectors [R, 256].
        rows: the lengths that they are meant for.
        sex: of the nearest voice.
        nearest_sound, nearest_prosody: voices that learning began from.
        held_out: recordings that were not learned from.
        about: figures for the manifest.
    """

    acoustic: State
    prosody: State
    table: np.ndarray
    rows: Sequence[int]
    sex: str
    nearest_sound: str
    nearest_prosody: str
    held_out: list[Example]
    about: dict[str, Any] = field(default_factory=dict)


def write(
    out: Path, name: str, accent: str, consent: Consent, material: Material, result: Result
) -> Path:
    """Write the folder, all but its card; return it."""
    sizes = VoiceConfig()
    prosody, acoustic = ProsodyModel(sizes), AcousticModel(sizes)
    prosody.load_state_dict(result.prosody)
    acoustic.load_state_dict(result.acoustic)
    package.write_models(prosody, acoustic, out, material.examples[: package.MEASURED])
    package.write_json(out / "config.json", package.config_of())
    (out / FILE).write_text(consent.text, "utf-8")
    table = result.table.astype(np.float16)
    np.save(out / "styles.npy", np.stack([table] * len(styles.AIMS))[None])
    about = {
        "id": name,
        "name": name.title(),
        "sex": result.sex,
        "accent": accent,
        "language": {"us": "en-US", "gb": "en-GB"}[accent],
        "consent": consent.where(f"{_model(name)} {out.name}"),
        "styles": _manners(out, table, material.examples),
    }
    listing = {"default": name, "rows": list(result.rows), "voices": [about]}
    package.write_json(out / "voices.json", listing)
    package.write_manifest(
        out,
        {
            "model": _model(name),
            "recipe": "voxhaus train voice own",
            "consent_sha256": consent.sha256,
            "data_sha256": material.figures["key"],
            "sharpening": package.SHARPENING,
            "nearest": {"sound": result.nearest_sound, "prosody": result.nearest_prosody},
            **result.about,
        },
    )
    return out


def _model(name: str) -> str:
    return f"own-{name}"


def _manners(out: Path, table: np.ndarray, found: Sequence[Example]) -> dict[str, Any]:
    """All styles as manners alone: there is nobody whose prosody this voice could borrow."""
    readings = [
        styles.Reading(tokens=e.tokens.tolist(), pitch_F=e.pitch) for e in found if e.voiced
    ][:MEASURED]
    model = VoiceModel(unchecked(out))
    made = styles.manners_of(model, readings, dict.fromkeys(styles.AIMS, table))
    return {s: styles.listed(m) for s, m in made.items()}


def write_card(
    out: Path,
    name: str,
    consent: Consent,
    material: Material,
    result: Result,
    scores: dict[str, Any],
) -> None:
    """Write `card.md`."""
    (out / "card.md").write_text(card(name, consent, material, result, scores), "utf-8")


def card(
    name: str, consent: Consent, material: Material, result: Result, scores: dict[str, Any]
) -> str:
    """What a reader should know of the voice, as Markdown."""
    f, about = material.figures, result.about
    used = about["recordings"]
    lines = [
        f"# {_model(name)}",
        "",
        f"The voice of a person, learned from {used} recordings, {f['seconds'] / 60:.1f} minutes, "
        "of which a tenth was held out.",
        "",
        "## Consent",
        "",
        *(f"> {line}" for line in consent.text.strip().splitlines()),
        "",
        f"Kept in `{FILE}`, sha256 `{consent.sha256}`; every file spoken in this voice names it.",
        "",
        "## Recordings",
        "",
        f"- {len(f['findings'])} found, {used} used. Words: {f['listened']}",
        f"- They hold nothing above {f['edge_hz']:.0f} Hz"
        + ("; what is heard there is the shipped model's." if f["edge_hz"] < 10_000 else "."),
        f"- Borders of phonemes, on practice speech of voices that the aligner had not met: median "
        f"{f['borders']['median_ms']:.0f} ms off, {100 * f['borders']['within_20_ms']:.0f} % "
        "within 20 ms.",
        f"- sha256 of recordings and texts: `{f['key']}`",
        "",
        "## Learning",
        "",
        f"From voxhaus-voice-1; nearest voices: {result.nearest_sound} (sound), "
        f"{result.nearest_prosody} (prosody).",
        "",
        "| held-out loss | nearest voice | style learned | all weights | kept |",
        "|---|---:|---:|---:|---|",
        *(_row(part, about[part]) for part in ("sound", "prosody")),
        "",
        f"Steps: {about['sound']['steps']} (sound), {about['prosody']['steps']} (prosody). "
        f"Minutes in the last run of the command: {about.get('minutes', {})}.",
        "",
        "## Scores",
        "",
        *_scores(scores),
        "",
        "Styles other than neutral are the neutral delivery, changed in height, range, pace and "
        "colour.",
    ]
    return "\n".join(lines) + "\n"


def _row(part: str, about: dict[str, Any]) -> str:
    losses = [f"{v['loss']:.3f}" for v in about["held_out"].values()]
    return f"| {part} | {' | '.join(losses)} | {about['kept']} |"


def _scores(scores: dict[str, Any]) -> list[str]:
    if not scores.get("rows"):
        return [f"Not judged: {scores.get('why', 'no judges')}"]
    columns = list(next(iter(scores["rows"].values())))
    lines = [
        f"The texts of {scores['count']} held-out recordings; {scores['note']}",
        "",
        f"| | {' | '.join(columns)} |",
        f"|---|{'---:|' * len(columns)}",
    ]
    for who, row in scores["rows"].items():
        lines.append(f"| {who} | {' | '.join(f'{v:.2f}' for v in row.values())} |")
    return lines
