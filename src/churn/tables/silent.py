"""Customers who have left in silence: from which month-end on, and until which.

The record is open and the products are held, but the money is gone. The rule is that of the label (`churn.labels`),
told from the past alone: a customer's assets have fallen to a fifth or less of the highest they were in the year
before, at two month-ends in a row; the customer is back at the first month-end above that fifth. Who is gone at a date
has nothing more to take away, and does not count at it.
"""

import duckdb

SHARE_INVERSE = 5
"""Assets at a fifth or less of what they were are gone: 5 x later <= before."""
WITHIN_DAYS = 365
"""The highest assets less than so many days before count, as within the horizon that is usual."""
TABLE = "silent"


def create_silent(connection: duckdb.DuckDBPyConnection, floor_cents: int) -> None:
    """Create the table `silent` from `pnl`: `customer_id`, `gone_on`, `back_on` (null where not back), in whole days.

    `gone_on` is the second of the two month-ends, on which it first was known. Periods of a customer may overlap.
    Month-ends count that `pnl` holds values of for anybody; a customer without a row at one has nothing there.

    Parameters
    ----------
    connection
        Holds `pnl` with `customer_id`, `month` (a day) and `market_value` (cents), whole numbers.
    floor_cents
        Whoever never had so much has nothing that could go.

    Examples
    --------
    >>> with duckdb.connect() as connection:
    ...     _ = connection.execute("CREATE TABLE pnl (customer_id VARCHAR, month BIGINT, market_value BIGINT)")
    ...     _ = connection.execute("INSERT INTO pnl VALUES ('A', 0, 900), ('B', 31, 1), ('B', 59, 1), ('A', 90, 180)")
    ...     create_silent(connection, 500)
    ...     connection.table(TABLE).fetchall()
    [('A', 59, None)]
    """
    few = f"{SHARE_INVERSE} * greatest(assets, before) <= highest AND highest >= {max(floor_cents, 1)}"
    connection.execute(f"""
        CREATE TABLE {TABLE} AS
        WITH months AS (SELECT month, row_number() OVER (ORDER BY month) AS n FROM (SELECT DISTINCT month FROM pnl)),
        own AS (
            SELECT customer_id, n, months.month, sum(market_value) AS assets
            FROM pnl JOIN months USING (month) GROUP BY ALL
        ),
        -- Where a customer has no row, two month-ends with nothing tell as much as all of them.
        ends AS (
            SELECT *, lead(n) OVER (PARTITION BY customer_id ORDER BY n) AS next FROM own
        ),
        nothing AS (
            SELECT customer_id, months.n, months.month, 0::HUGEINT AS assets
            FROM ends CROSS JOIN (VALUES (1), (2)) AS steps(step) JOIN months ON months.n = ends.n + step
            WHERE months.n < coalesce(next, months.n + 1)
        ),
        series AS (SELECT * FROM own UNION ALL SELECT * FROM nothing),
        known AS (
            SELECT *,
                CASE WHEN lag(n) OVER one = n - 1 THEN lag(assets) OVER one ELSE 0 END AS before,
                max(assets) OVER (
                    PARTITION BY customer_id ORDER BY month RANGE BETWEEN {WITHIN_DAYS - 1} PRECEDING AND CURRENT ROW
                ) AS highest
            FROM series WINDOW one AS (PARTITION BY customer_id ORDER BY n)
        ),
        judged AS (
            SELECT *, {few} AS is_gone FROM known
        ),
        -- Of month-ends in a row the first counts: its year holds the highest assets, so it lasts longest.
        first AS (
            SELECT * FROM judged
            QUALIFY is_gone AND NOT coalesce(lag(is_gone) OVER (PARTITION BY customer_id ORDER BY n), false)
        )
        SELECT first.customer_id, first.month AS gone_on, min(later.month) AS back_on
        FROM first LEFT JOIN series AS later
            ON later.customer_id = first.customer_id AND later.n > first.n
                AND {SHARE_INVERSE} * later.assets > first.highest
        GROUP BY ALL ORDER BY ALL
    """)
