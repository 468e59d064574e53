"""Web: the page that says why a download link opens nothing, in the words of the bridge and a language that the browser
asks for."""

from __future__ import annotations

import gettext
import json
from functools import cache
from pathlib import Path

from flask import Response, render_template, request

from ..core.packaged import LANGUAGES, SCHEMAS

_WORDS = json.loads((SCHEMAS / "view.json").read_text(encoding="utf-8"))["links"]
_WHY = {
    "token_expired": "expired",
    "link_revoked": "revoked",
    "link_replaced": "replaced",
    "file_at_the_shop": "moved",
    "temporarily_unavailable": "away",
    "internal_error": "away",
}
_SOURCE = "en"  # the language that the catalogues are written in


def page(code: str, status: int, shop: str) -> Response:
    """`code`: of the error. `shop`: its address."""
    asked = (tag.split("-")[0].lower() for tag in request.accept_languages.values())  # the dearest first
    language = next((tag for tag in asked if tag == _SOURCE or tag in _files()), _SOURCE)
    say = _translation(language).gettext
    words = _WORDS[_WHY.get(code, "missing")]
    text = render_template(
        "sorry.html",
        language=language,
        title=say(words["title"]),
        text=say(words["text"]),
        back=say(_WORDS["back"]),
        shop=shop,
    )
    response = Response(text, status, mimetype="text/html")
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept-Language"
    return response


@cache
def _files() -> dict[str, Path]:
    """The bridge's translations: language tag => file."""
    names = (file.stem.removeprefix("smi-bridge-") for file in LANGUAGES.glob("smi-bridge-*.mo"))
    return {name.split("_")[0]: LANGUAGES / f"smi-bridge-{name}.mo" for name in sorted(names)}


@cache
def _translation(language: str) -> gettext.NullTranslations:
    if language == _SOURCE:
        return gettext.NullTranslations()
    with _files()[language].open("rb") as file:
        return gettext.GNUTranslations(file)
