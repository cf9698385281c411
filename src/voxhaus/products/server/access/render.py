"""Pages from templates.

Knows: where templates lie, that everything in them is escaped, and what a browser is told to
refuse.
Refuses to know: what a page is about.
"""

from functools import cache
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from voxhaus.products.server.access.words import language_of, translate
from voxhaus.products.store.clock import stamp

WEB = Path(__file__).parents[1] / "web"
HEADERS = {
    # No script at all: nothing that is shown can run.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    # Not "no-referrer": with that, browsers hide where our own forms come from.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language, Cookie",
}


@cache
def environment() -> Environment:
    """The templates."""
    templates = Environment(
        loader=FileSystemLoader(WEB),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["day"] = day
    return templates


def day(at: int | None) -> str:
    """A time as a table shows it."""
    return (stamp(at) or "").replace("T", " ").replace("Z", " UTC")


def page(request: Request, template: str, status: int = 200, **shown: object) -> HTMLResponse:
    """A page in the reader's language."""
    language = language_of(request.headers.get("accept-language"))

    def t(english: str, **filled: object) -> str:
        return translate(english, language).format(**filled)

    html = environment().get_template(template).render(t=t, language=language, **shown)
    return HTMLResponse(html, status, headers={"Content-Language": language})


def protect(response: Response) -> Response:
    """A response that tells browsers what to refuse, unless it says otherwise itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
