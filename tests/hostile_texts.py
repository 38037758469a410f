"""Texts that a bank's tables may hold and that no output may run, break on, or lose."""

HOSTILE = (
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", '=HYPERLINK("http://x","y")', "{=1+1}", "＝1+1",
    "<script>alert(1)</script>", "</script><b>", "<r><t>rich</t></r>", "<r>broken & </r>", "]]>", "&amp;", "&#x0;",
    "a\"b'c", 'a,"b"', "a;b", "two\nlines", "\u202eright to left\u202c", "\u200fعربى", "𠮷野家", "😀" * 20,
    "a\x00b\x01c", "_x0041_", "\ufffe\uffff", "http://example.com", "[M]:*?/\\", "'quoted'", "History", "x" * 10_000,
    " ", "-5", "007", "1e5", "null", "NaN", "TRUE", "../../etc", "%s%n{0}", "客户" * 40,
    "\u202eB001",
)  # fmt: skip
