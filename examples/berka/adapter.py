"""Write the tables that need more than one raw Berka file, or a date of their own; bank.toml maps the rest.

Usage: python examples/berka/adapter.py ../shared/data/berka TABLES

Writes five CSV files into the new folder TABLES. They keep the bank's own codes, date form and semicolons.
docs/berka.md explains every choice made here.
"""

import argparse
from pathlib import Path

import duckdb

from churn.files import new_folder

RAW = ("account", "card", "client", "disp", "loan", "order", "trans_part")

# Raw files are views of strings. An owner has one account and an account one owner: each account has one customer.
# Some withdrawals have the type VYBER instead of VYDAJ: only PRIJEM is money coming in.
VIEWS = """
CREATE VIEW owner AS SELECT disp_id, client_id, account_id FROM disp WHERE type = 'OWNER';
CREATE VIEW booking AS
    SELECT * REPLACE (
        strptime(date, '%y%m%d') AS date,
        CAST(balance AS DECIMAL(18, 2)) AS balance,
        CAST(amount AS DECIMAL(18, 2)) * CASE type WHEN 'PRIJEM' THEN 1 ELSE -1 END AS amount
    ) FROM trans_part;
"""

TABLES = {
    # A birth number is YYMMDD, with 50 added to a woman's month; everybody was born before 1993.
    "client": """
        SELECT client_id, account.district_id, account.date AS client_since,
               1900 + CAST(left(birth_number, 2) AS INTEGER) AS birth_year
        FROM owner JOIN client USING (client_id) JOIN account USING (account_id)""",
    # A loan runs for `duration` months. No closing of an account is recorded.
    "product": """
        SELECT 'account-' || account_id AS product_id, client_id, frequency AS type, date AS begun, NULL AS ended
        FROM owner JOIN account USING (account_id)
        UNION ALL
        SELECT 'card-' || card_id, client_id, type, left(issued, 6), NULL
        FROM owner JOIN card USING (disp_id)
        UNION ALL
        SELECT 'loan-' || loan_id, client_id, 'UVER', date,
               strftime(strptime(date, '%y%m%d') + to_months(CAST(duration AS INTEGER)), '%y%m%d')
        FROM owner JOIN loan USING (account_id)""",
    # Orders have no dates: a purpose counts from the first payment to an order's recipient.
    "standing_order": """
        SELECT client_id, coalesce(nullif(trim(o.k_symbol), ''), 'NEUVEDENO') AS purpose,
               strftime(min(date), '%y%m%d') AS first_payment
        FROM owner JOIN "order" AS o USING (account_id)
        JOIN booking AS b ON b.account_id = o.account_id AND b.bank = o.bank_to AND b.account = o.account_to
        WHERE b.operation = 'PREVOD NA UCET' GROUP BY ALL""",
    # Interest, statement fees and penalty interest are the bank's own bookings; the customer does not make them.
    "trans": """
        SELECT trans_id, client_id, strftime(date, '%y%m%d') AS date, operation, amount
        FROM owner JOIN booking USING (account_id)
        WHERE coalesce(k_symbol, '') NOT IN ('UROK', 'SLUZBY', 'SANKC. UROK')""",
    # Bookings of one day have no order: the day's last balance is the one nearest to the sum of all bookings so far.
    "balance": """
        WITH running AS (
            SELECT account_id, date, balance, sum(amount) OVER (PARTITION BY account_id ORDER BY date) AS booked
            FROM booking),
        closing AS (
            SELECT account_id, date, arg_min(balance, abs(balance - booked)) AS balance
            FROM running GROUP BY account_id, date),
        month AS (SELECT DISTINCT last_day(date) AS date FROM booking)
        SELECT 'account-' || account_id AS product_id, client_id, strftime(date, '%y%m%d') AS month, balance
        FROM (FROM owner CROSS JOIN month) ASOF JOIN closing USING (account_id, date)""",
}


def main() -> None:
    """Read the raw files and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("raw", type=Path, help="folder with account.asc, card.asc, …")
    parser.add_argument("tables", type=Path, help="folder to write")
    arguments = parser.parse_args()
    missing = [name for name in RAW if not (arguments.raw / f"{name}.asc").is_file()]
    if missing:
        parser.error(f"{arguments.raw}: {missing[0]}.asc is missing; give the folder of the PKDD'99 files")
    files = [f"{name}.csv" for name in TABLES]
    with duckdb.connect() as connection, new_folder(arguments.tables, mark=files[0], names=files) as folder:
        for name in RAW:
            rows = connection.read_csv(str(arguments.raw / f"{name}.asc"), sep=";", header=True, all_varchar=True)
            rows.create_view(name)
        connection.execute(VIEWS)
        for name, query in TABLES.items():
            rows = connection.sql(f"FROM ({query}) ORDER BY ALL")
            rows.write_csv(str(folder / f"{name}.csv"), sep=";", header=True)
            print(f"{name}: {len(rows):,} rows")


if __name__ == "__main__":
    main()
