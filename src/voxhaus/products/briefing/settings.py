"""What a listener has set for the briefing in voxhaus.toml, and the sample for one who has not.

Knows: the table [briefing], and the feeds that come with the package.
Refuses to know: the command line, and how feeds are read.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from voxhaus.core.config import read_table
from voxhaus.core.errors import InputError
from voxhaus.core.paths import config_file
from voxhaus.products.briefing.feeds import FeedRequest

MIN_MINUTES, MAX_MINUTES = 0.5, 60.0
DEFAULT_MINUTES = 3.0
MAX_DAYS, DEFAULT_DAYS = 3650, 7
DEFAULT_TITLE = "your briefing"

SAMPLE = Path(__file__).parent / "sample"
SAMPLE_NOTE = "These stories are invented. They come with Voxhaus, to show what it does."

Text = Annotated[str, Field(min_length=1, max_length=2000)]


class FeedSettings(BaseModel):
    """A feed with a name or a topic of the listener's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _address_alone(cls, value: object) -> object:
        return {"url": value} if isinstance(value, str) else value

    url: Text
    name: str = Field("", max_length=80)
    topic: str = Field("", max_length=40)


class BriefingSettings(BaseModel):
    """The table [briefing]; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    feeds: tuple[FeedSettings, ...] = ()
    minutes: float = Field(DEFAULT_MINUTES, ge=MIN_MINUTES, le=MAX_MINUTES)
    days: int = Field(DEFAULT_DAYS, ge=1, le=MAX_DAYS)
    voice: Text | None = None
    style: Text | None = None
    title: Text = DEFAULT_TITLE

    def requests(self) -> tuple[FeedRequest, ...]:
        """The configured feeds; files are looked for beside the configuration."""
        return tuple(_request(feed) for feed in self.feeds)


def _request(feed: FeedSettings) -> FeedRequest:
    address = feed.url
    if "://" not in address:
        address = str(config_file().parent / Path(address).expanduser())
    return FeedRequest(address=address, name=feed.name.strip(), topic=feed.topic.strip())


def load_settings() -> BriefingSettings:
    """The listener's settings, or the defaults.

    Raises:
        InputError: a broken file, an unknown key or a value out of range; the message names it.
    """
    table = read_table("briefing")
    try:
        return BriefingSettings.model_validate(table)
    except ValidationError as error:
        raise InputError(f"{config_file()}: {_told(error)}", param="config") from error


def _told(error: ValidationError) -> str:
    """The first thing that is wrong, in words."""
    first = error.errors()[0]
    where = ".".join(["briefing", *map(str, first["loc"])])
    if first["type"] == "extra_forbidden":
        known = FeedSettings if len(first["loc"]) > 1 else BriefingSettings
        return f"{where} is not a setting; there are {', '.join(known.model_fields)}."
    return f"{where}: {first['msg'].rstrip('.').lower()}."


def sample_requests() -> tuple[FeedRequest, ...]:
    """The feeds that come with the package, one in each format."""
    names = ("courier.rss", "meridian.atom", "lantern.json")
    return tuple(FeedRequest(address=str(SAMPLE / name)) for name in names)
