"""Where things live on disk.

Knows: the roots (shipped weights, a user's own voices, rebuildable cache) and their overrides.
Refuses to know: what is stored in them.
"""

import os
from pathlib import Path

import platformdirs


def cache_root() -> Path:
    """Folder of rebuildable things (corpora, checkpoints, downloads).

    `VOXHAUS_CACHE` overrides the platform's user cache folder.
    """
    override = os.environ.get("VOXHAUS_CACHE")
    return Path(override) if override else Path(platformdirs.user_cache_dir("voxhaus"))


def config_file() -> Path:
    """The user's TOML configuration. `VOXHAUS_CONFIG` overrides the platform's folder."""
    override = os.environ.get("VOXHAUS_CONFIG")
    if override:
        return Path(override)
    return Path(platformdirs.user_config_dir("voxhaus")) / "voxhaus.toml"


def credentials_folder() -> Path:
    """Where `voxhaus credentials init` puts a certificate and its key: beside the configuration."""
    return config_file().parent / "credentials"


def voices_root() -> Path:
    """Folder holding MODEL/VERSION/ of the voices that a user trained; it may not exist.

    `VOXHAUS_VOICES` overrides the platform's folder of user data.
    """
    override = os.environ.get("VOXHAUS_VOICES")
    return Path(override) if override else Path(platformdirs.user_data_dir("voxhaus")) / "voices"


def weights_root() -> Path:
    """Folder holding MODEL/VERSION/ of the shipped weights.

    `VOXHAUS_WEIGHTS` overrides it. In a wheel the weights lie inside the package; in a clone
    they lie at the top of the repository, where their cards are read.
    """
    override = os.environ.get("VOXHAUS_WEIGHTS")
    if override:
        return Path(override)
    packaged = Path(__file__).resolve().parents[1] / "weights"
    if packaged.is_dir():
        return packaged
    return Path(__file__).resolve().parents[3] / "weights"
