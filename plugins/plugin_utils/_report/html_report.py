# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one page that needs nothing else: index.html. Private to this collection.

What a host or an account sent gets into the page in two ways: through Jinja2, which escapes it, and as JSON that the
page's script puts into text nodes and nowhere else. The Content-Security-Policy lets run only what is in ``page/``.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from .account import one_line
from .html_data import codes_of, pack
from .html_words import LISTED, account_words, gaps_of, host_words, mode_of, title_of
from .model import Report

__all__ = ["render_html"]

PAGE = Path(__file__).parent / "page"
SCRIPTS = ("tools.js", "words.js", "table.js", "plot.js", "hosts.js", "account.js", "main.js")


def render_html(report: Report) -> str:
    """Return the page."""
    style = (PAGE / "report.css").read_text(encoding="utf-8")
    script = _script()
    environment = Environment(
        loader=FileSystemLoader(PAGE),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        report=report,
        policy=_content_security_policy(style, script),
        style=style,
        script=script,
        data=_json(pack(report)),
        hosts=host_words(report),
        account=account_words(report),
        reasons=codes_of(report, "reasons"),
        warnings=codes_of(report, "warnings"),
        gaps=gaps_of(report.account),
        listed=LISTED,
        title=title_of(report),
        mode=mode_of(report),
    )


def _visible(value: Any) -> Any:
    """Write out what cannot be seen, or turns the direction of what is read; not in what the template calls safe."""
    return one_line(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _script() -> str:
    parts = "\n".join((PAGE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return f"(() => {{\n'use strict';\n{parts}\n}})();\n"


def _content_security_policy(style: str, script: str) -> str:
    """Let the page load nothing, send nothing, and run nothing but its own script."""
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(value: Any) -> str:
    """Return JSON that no HTML parser reads as anything but text."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
