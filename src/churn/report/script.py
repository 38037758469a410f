"""Scripts and data inside a page: nothing is loaded, and no text of a bank can end or begin a script.

The usual inline savers write a chart's data as it is, so that a value of `</script><script>…` runs. Here data stand in
a block that is no script (`type="application/json"`), with every `<`, `>` and `&` written as an escape of JSON; and
the page's Content-Security-Policy allows the scripts of these very hashes, and no request at all.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import vl_convert

_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
_SEPARATORS = dict.fromkeys(map(ord, "\u2028\u2029"), " ")
_INHERITED = {
    "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__", "__proto__", "constructor",
    "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf",
}  # fmt: skip
"""Properties of every object of JavaScript."""
_EXPOSE = "window.drawChart = vegaEmbed;"


def embed_json(value: Any) -> str:
    r"""Write a value as JSON that may stand in HTML: it holds no `<`, `>` or `&`.

    Examples
    --------
    >>> embed_json({"name": "</script>"})
    '{"name":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_ESCAPES)


@cache
def vega_script() -> str:
    """Give Vega, Vega-Lite and vega-embed as one script that loads nothing; about 0.9 MB."""
    bundle: str = vl_convert.javascript_bundle(_EXPOSE)
    return _require_closed(bundle)


@cache
def page_script() -> str:
    """Give the page's own script: draws the charts, opens what is folded before printing."""
    return _require_closed((files("churn.report") / "templates" / "page.js").read_text(encoding="utf-8"))


@cache
def page_style() -> str:
    """Give the page's style sheet."""
    return (files("churn.report") / "templates" / "page.css").read_text(encoding="utf-8")


def security_policy(*scripts: str) -> str:
    """Write the Content-Security-Policy of a page that may run these scripts and request nothing.

    Examples
    --------
    >>> security_policy("alert()").split("; ")[:2]
    ["default-src 'none'", "script-src 'sha256-S8S/VNmXuUuoIR6OhqBqwIiIkuCxXq31hCCHAHnicV8='"]
    """
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
        " form-action 'none'"
    )


def chart_data(specs: Mapping[str, Mapping[str, Any]], number_format: Mapping[str, Any]) -> str:
    r"""Write what the page's script draws: specifications by the id of their place, and how numbers are grouped.

    Examples
    --------
    >>> chart_data({"tiers": {"data": ["gold", "<b>"]}}, {})
    '{"charts":{"tiers":{"data":["gold","\\u003cb\\u003e"]}},"formatLocale":{}}'
    """
    return embed_json({"charts": _harmless(specs), "formatLocale": number_format})


def _harmless(value: Any) -> Any:
    """Change texts that Vega takes for something else: it groups by properties, and sorts by expressions it parses.

    A group by the name of a property that every object has is no group to it, and a separator of lines ends the
    expression; neither chart would be drawn.
    """
    if isinstance(value, str):
        return ("\u200b" if value in _INHERITED else "") + value.translate(_SEPARATORS)
    if isinstance(value, Mapping):
        return {name: _harmless(part) for name, part in value.items()}
    return [_harmless(part) for part in value] if isinstance(value, (list, tuple)) else value


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def _require_closed(script: str) -> str:
    """Refuse a script that would end, or hide the end of, the element it stands in."""
    lower = script.lower()
    if "</script" in lower or "<!--" in lower:
        raise AssertionError("the script cannot stand in a page: it holds </script or <!--")
    return script
