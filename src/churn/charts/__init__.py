"""Pictures as PNG files; here, without matplotlib, the colours of them all.

The colours also stand apart by their lightness, for grey paper and all kinds of sight.
"""

DARK, BLUE, GREY, PALE = "#1c2733", "#1f5fa8", "#6b7785", "#b9d0ea"
"""What is estimated: the firmest darkest."""
LESS, MORE = "#00695c", "#b8500f"
"""Less and more churn: apart for every kind of colour vision; a word or a side always says it as well."""
STATED, OBSERVED, PREDICTED = "#9aa5b1", "#1f4e79", "#d9822b"
FAILS = "#a4161a"
"""What does not hold."""
BEFORE, STRIPE, GRID = "#e4e9ee", "#f3f5f7", "#d8dee4"
"""What lies behind the marks: time before a date, every second row, lines."""
RAMP = ("#d9822b", "#b58a5c", "#7f8c99", "#4a76a8", "#1f4e79", "#0c2b4a")
"""From the first group to the last."""
LOW_TO_HIGH = ("#f5b93c", "#c0567a", "#1d2f6f")
"""From the lowest value to the highest, whose lightness falls."""
