"""Sound model of version 1 (all blocks at frames) -> that of version 2 (most blocks at units).

python convert.py OLD.pt NEW.pt
"""

import sys

import torch

from voxhaus.models.voice.acoustic import AcousticModel
from voxhaus.models.voice.config import VoiceConfig

old = {k: v.float() for k, v in torch.load(sys.argv[1], weights_only=True).items()}
new = AcousticModel(VoiceConfig()).state_dict()
for name in new:
    if name.startswith("prosody_frames."):
        new[name].zero_()
    elif name.startswith("frames.0."):
        new[name] = old[name.replace("frames.0", "decoder.5")]
    elif name == "prosody.weight":
        new[name] = old[name].repeat(1, 2) / 2
    elif not name.startswith("split."):
        new[name] = old[name]
torch.save({k: v.half() for k, v in new.items()}, sys.argv[2])
