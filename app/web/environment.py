"""The Jinja environment of the pages: autoescaping, strict about missing names, without state."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.web import words
from app.web.assets import Assets

TEMPLATES_DIR = Path(__file__).parent / "templates"


def make_environment(assets: Assets) -> Environment:
    """One environment per process. What every page needs besides is said in base.html."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES_DIR),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals["static"] = assets.url
    env.globals["words"] = words
    return env
