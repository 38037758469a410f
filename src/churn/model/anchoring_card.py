"""The model card's section on anchoring: what was done, and what speaks against it."""

from typing import Any

from churn.model.documents import Anchored, AnchorEvidenceRow

_BASES = {"stated": "stated", "between": "between its stated neighbours", "neighbour": "shifted like {taken_from}"}


def describe_departures(anchored: Anchored) -> list[str]:
    """Say, a line each, where the bank's own reliable outcomes contradict a rate the model was anchored to.

    Reliable is an interval that leaves the rate out, of a bucket with enough outcomes: the verdict "departs". The
    rate may be stated, lie between stated ones, or be what the shift of another bucket led to.
    """
    evidence = anchored.evidence
    when = f" from {evidence.as_of} on" if evidence.as_of else ""
    return [
        f"with {_products(row.product_coverage)} {percent(row.observed)} left{when} "
        f"({percent(row.observed_low)} to {percent(row.observed_high)}, 95 %), {_asked(row)}"
        for row in evidence.buckets
        if row.verdict == "departs"
    ]


def describe_gaps(anchored: Anchored) -> list[str]:
    """Say, a line each, whom the anchoring did not reach, and which stated rate nobody holds the products for."""
    lines = []
    if left := anchored.rows - _shifted(anchored):
        lines.append(
            f"{count(left)} of {count(anchored.rows)} customers hold no product, or it is not known how many: "
            "they were not shifted"
        )
    stated = {row.product_coverage for row in anchored.evidence.buckets if row.stated is not None}
    lines += [
        f"a rate is stated for {_products(row.product_coverage)}, which nobody holds: "
        f"customers who come to will be shifted like those with {_products(row.taken_from)}"
        for row in anchored.buckets
        if row.n == 0 and row.product_coverage in stated
    ]
    return lines


def anchoring_section(anchored: Anchored) -> str:
    """Render the section, in Markdown, of an anchored model."""
    rows = [
        f"| {row.product_coverage} | {count(row.n)} | {percent(row.predicted_before)} "
        f"| {percent(row.target)} | {_BASES[row.basis].format(taken_from=row.taken_from)} | {row.shift:+.3f} "
        f"| {percent(row.predicted)} |"
        for row in anchored.buckets
    ]
    done = (
        "After training, probabilities were anchored to the rates the bank states: the log-odds of all customers with "
        "the same number of products were shifted alike, until their mean was the rate asked for. This was done "
        f"{anchored_on(anchored)}, without any outcome. The order among customers with the same number of products "
        "is as it was. At another date, or for other customers, the means are no longer exactly these."
    )
    gaps = [f"- {line[0].upper()}{line[1:]}." for line in describe_gaps(anchored)]
    lines = [
        "## Anchoring",
        "",
        done,
        "",
        "| products | customers | predicted before | asked for | why | shift | predicted |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *rows,
        "",
        *([*gaps, ""] if gaps else []),
        f"Risk bands are multiples of the mean anchored rate, {percent(anchored.mean_predicted)}.",
        "",
        *_departures(anchored),
    ]
    return "\n".join(lines)


def anchored_on(anchored: Anchored) -> str:
    """Say on how many customers it was done, and when."""
    when = f"as of {anchored.as_of}" if anchored.as_of else "of one flat file"
    return f"on {count(_shifted(anchored))} customers {when}"


def count(value: Any) -> str:
    """Write a whole number; a dash for None.

    Examples
    --------
    >>> count(12345), count(None)
    ('12,345', '–')
    """
    return "–" if value is None else f"{value:,}"


def percent(value: Any) -> str:
    """Write a share of one as per cent; a dash for None.

    Examples
    --------
    >>> percent(0.4213), percent(None)
    ('42.1 %', '–')
    """
    return "–" if value is None else f"{100 * value:.1f} %"


def _shifted(anchored: Anchored) -> int:
    return sum(row.n for row in anchored.buckets)


def _products(coverage: int | str | None) -> str:
    return f"{coverage} product" if coverage == 1 else f"{coverage} products"


def _asked(row: AnchorEvidenceRow) -> str:
    if row.stated is not None:
        return f"stated is {percent(row.stated)}"
    return f"anchored to {percent(row.target)}, which no rate states"


def _departures(anchored: Anchored) -> list[str]:
    lines = describe_departures(anchored)
    if not lines:
        verdicts = [row.verdict for row in anchored.evidence.buckets if row.verdict != "not_stated"]
        held = f"{verdicts.count('agrees')} of {len(verdicts)} could be held against enough of them"
        return [f"The bank's own outcomes contradict none of the rates it was anchored to; {held}."]
    doubt = (
        "Either those outcomes are no fair picture of the year to come, or the rates are wrong for this bank "
        "and these probabilities with them. The outcomes alone cannot say which."
    )
    head = "**The bank's own outcomes contradict what it was anchored to:**"
    return [head, "", *(f"- {line}" for line in lines), "", doubt]
