"""Short forms of tables for small banks: a row a text."""


def write_customers(*rows: str) -> str:
    """Write a table of customers: id, branch, manager, opened, closed, tier."""
    return "\n".join(["customer_id,branch_id,manager_id,opened_on,closed_on,tier", *rows]) + "\n"


def write_holdings(*rows: str) -> str:
    """Write a table of holdings: customer, product, opened, closed."""
    lines = [f"H{number},{row}" for number, row in enumerate(rows)]
    return "\n".join(["holding_id,customer_id,product,opened_on,closed_on", *lines]) + "\n"


def write_contacts(*rows: str) -> str:
    """Write a table of contacts: customer, manager, day, channel, reached."""
    lines = []
    for number, row in enumerate(rows):
        who, manager, day, channel, reached = row.split(",")
        lines.append(f"K{number},{who},{manager},{day},{channel},care,{reached}")
    first = "contact_id,customer_id,manager_id,contacted_on,channel,purpose,reached"
    return "\n".join([first, *lines]) + "\n"
