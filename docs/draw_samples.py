"""Writes `docs/samples/`: a line from every voice, three styles, a dialogue, and a spectrogram.

Knows: which lines the README lets people hear. Refuses to know: how speech is made.

Needs matplotlib (the extra 'train').
"""

from pathlib import Path

import numpy as np
from matplotlib import pyplot

from voxhaus import Voice
from voxhaus.core.audio import write_audio
from voxhaus.core.provenance import spoken_by
from voxhaus.core.speech import Speech

FOLDER = Path(__file__).resolve().parent / "samples"

LINES = {
    "anna": "Good morning. It will stay dry until four, and then you will want an umbrella.",
    "ben": "The bridge was finished in 1932, eleven months early, and under budget.",
    "clara": "Would you rather have the window seat, or the one by the aisle?",
    "david": "Bring two onions, a lemon, half a pound of butter, and a little patience.",
    "ella": "Nobody told me that the shop was closed! I walked all the way.",
    "finn": "Chapter one. The rain had not stopped for nine days.",
    "grace": "The committee will publish its findings on the third of May.",
    "hugo": "Turn left after the church, and keep the river on your right.",
}
STYLED = "They read the last name on the list, and it was mine."
STYLES = ("excited", "sad", "storytelling", "whisper")


def draw(speech: Speech, path: Path) -> None:
    """A spectrogram up to 12 kHz: windows of 25 ms, every 5 ms, 80 dB."""
    rate, samples = speech.sample_rate, speech.samples
    size, step = rate // 40, rate // 200
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::step] * np.hanning(size)
    level = 20 * np.log10(np.abs(np.fft.rfft(frames, 1024)).T + 1e-6)
    figure, axes = pyplot.subplots(figsize=(9, 3), layout="constrained")
    top = level.max()
    extent = (0, speech.seconds, 0, rate / 2000)
    axes.imshow(
        level, origin="lower", aspect="auto", extent=extent, vmin=top - 80, vmax=top, cmap="magma"
    )
    for word in speech.words:
        axes.axvline(word.start, color="white", linewidth=0.4)
        axes.text(word.start + 0.02, 11.2, word.text, color="white", fontsize=7)
    axes.set(xlabel="seconds", ylabel="kHz")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Speak, write and draw."""
    FOLDER.mkdir(exist_ok=True)
    voice = Voice.load(threads=1)
    for name, line in LINES.items():
        speech = voice.speak(line, voice=name)
        write_audio(FOLDER / f"{name}.mp3", speech, provenance=spoken_by(voice, [name]))
        if name == "anna":
            draw(speech, FOLDER / "anna.png")
    for style in STYLES:
        speech = voice.speak(STYLED, voice="grace", style=style)
        write_audio(FOLDER / f"grace-{style}.mp3", speech, provenance=spoken_by(voice, ["grace"]))


if __name__ == "__main__":
    main()
