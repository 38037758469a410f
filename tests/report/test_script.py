import base64
import hashlib
import json

import pytest

from churn.report.script import chart_data, embed_json, page_script, security_policy, vega_script
from hostile_texts import HOSTILE


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\ufffe" not in text])
def test_an_embedded_text_comes_back_and_cannot_end_a_script(text):
    written = embed_json({text: text})
    assert json.loads(written) == {text: text}
    assert not set("<>&\u2028\u2029") & set(written)


def test_the_bundle_holds_no_end_of_a_script_and_no_address_to_load_from():
    for script in (vega_script(), page_script()):
        assert "</script" not in script.lower()
        assert "<!--" not in script
    assert "import(" not in page_script()


def test_the_policy_names_the_hashes_of_the_scripts_and_allows_nothing_else():
    expected = base64.b64encode(hashlib.sha256(b"one()").digest()).decode()
    policy = security_policy("one()")
    assert f"script-src 'sha256-{expected}';" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy


def test_a_number_that_json_has_not_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        chart_data({"bins": {"value": float("nan")}}, {})
