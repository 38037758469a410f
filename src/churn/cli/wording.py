"""What `churn check` says, in English and Chinese: facts come in, sentences go out."""

from collections.abc import Mapping, Sequence
from typing import Literal

from churn.config import Config
from churn.tables.checking import Finding
from churn.tables.lines import TOTAL_LINE

Language = Literal["en", "zh"]

TABLES_ZH = {
    "customers": "客户",
    "customer_states": "客户状态",
    "holdings": "持有产品",
    "bindings": "绑定服务",
    "contacts": "联系记录",
    "pnl": "月末损益",
    "transactions": "交易",
    "referrals": "转介绍",
    "campaigns": "随机活动",
    "labels": "流失标签",
    "flat": "客户名单",
}
RULES: Mapping[str, tuple[str, str]] = {
    "broken_row": ("does not split into the header's cells", "与表头列数不符"),
    "lines_in_quotes": (
        "an open quotation mark swallows the lines after it; mend it",
        "引号未闭合，其后的若干行被并入本行；请更正",
    ),
    "missing_value": ("empty where a value is needed", "必填项为空"),
    "not_an_id": ("not an id (Excel may have rounded it)", "不是编号（可能被 Excel 改成了数值）"),
    "not_a_date": ("not a date", "不是有效日期"),
    "not_a_month_end": ("not the last day of a month", "不是月末日期"),
    "not_an_amount": ("not an amount", "不是有效金额"),
    "not_an_integer": ("not a whole number", "不是整数"),
    "not_a_number": ("not a number", "不是数字"),
    "not_a_text": ("not a text", "不是文本"),
    "not_true_or_false": ("neither true nor false", "不是“是/否”"),
    "unknown_value": ("a code that is not known", "代码不在目录中"),
    "ends_before_beginning": ("ends before it begins", "结束日期早于开始日期"),
    "formula_without_value": (
        "a formula whose value was not saved; open the file in Excel and save it",
        "公式没有保存计算结果；请用 Excel 打开文件并保存",
    ),
    "exact_copy": ("repeats an earlier row", "与前面某行完全重复"),
    "duplicate_key": ("contradicts a row of the same key", "主键相同但内容矛盾"),
    "unknown_customer": ("names a customer who is not there", "客户不在客户表中"),
    "total_line": ("a total line, no row", "合计行，不是数据"),
    "second_class_1_account": ("a second class-1 account since December 2016", "2016 年 12 月后开立的第二个 I 类账户"),
    "product_never_held": ("a service bound without its product", "绑定了从未持有的产品的服务"),
    "vip_without_manager": ("a VIP without a manager", "贵宾客户没有专属客户经理"),
    "beyond_the_other_tables": (
        "later by over 31 days than any other table; mend, or give --data-end",
        "比其他各表的最后日期晚 31 天以上；请更正，或用 --data-end 指定数据截止日",
    ),
    "unknown_holding": ("a value of a holding that is not there", "市值对应的持有编号不存在"),
}
TEXTS: Mapping[str, tuple[str, str]] = {
    "tables": ("Tables", "各表情况"),
    "table": ("table", "表"),
    "rows": ("rows", "总行数"),
    "used": ("used", "可用"),
    "quarantined": ("quarantined", "隔离"),
    "findings": (
        "Findings (row 1 is the first after the header)",
        "发现的问题（第 1 行是表头之后的第一行）",
    ),
    "total_lines": ("total lines", "合计行"),
    "severity": ("severity", "级别"),
    "error": ("error", "错误"),
    "warning": ("warning", "提醒"),
    "column": ("column", "列"),
    "rule": ("what is wrong", "问题"),
    "count": ("count", "行数"),
    "examples": ("rows, for example", "例如第几行"),
    "whole_row": ("(row)", "（整行）"),
    "note": ("note", "说明"),
    "said": ("{kind}: {line}", "{kind}：{line}"),
    "ok": ("Every row can be used.", "所有数据行都可以使用。"),
    "ok_but_totals": (
        "Every row can be used; total lines are no rows.",
        "所有数据行都可以使用；合计行不是数据，不计在内。",
    ),
    "not_ok": (
        "Some rows cannot be used; churn score lists each of them.",
        "部分数据行无法使用，已隔离；churn score 会逐行列出原因。",
    ),
    "left_out": ("{table}: {n:,} of {rows:,} rows are left out", "{table}：{rows:,} 行中有 {n:,} 行被隔离"),
    "totals": ("{table}: total lines, which are no rows: {n:,}", "{table}：有 {n:,} 行合计行，不是数据"),
    "ignored": (
        "{table}: {n:,} columns that nothing asks for are ignored",
        "{table}：有 {n:,} 列用不到，已忽略",
    ),
    "beyond": (
        "{table}.{column}: {n:,} rows (such as {row}) are later by over 31 days than any other table; give --data-end",
        "{table} 的 {column}：{n:,} 行（如第 {row} 行）比其他各表晚 31 天以上；请更正，或用 --data-end 指定数据截止日",
    ),
    "lost": (
        "{table}: not there, so {n:,} features are left out ({names})",
        "缺少“{table}”表，{n:,} 个特征无法计算（{names}）",
    ),
}


def say(key: str, language: Language, **facts: object) -> str:
    """Return a text of `TEXTS` with its facts filled in.

    Examples
    --------
    >>> say("left_out", "zh", table="客户", n=2, rows=1000)
    '客户：1,000 行中有 2 行被隔离'
    """
    return TEXTS[key][language == "zh"].format(**facts)


def rule_text(rule: str, language: Language) -> str:
    """Return what a rule's name means."""
    return RULES[rule][language == "zh"]


def table_text(table: str, language: Language) -> str:
    """Return a table's name; in Chinese with the contract's own name behind it."""
    return f"{TABLES_ZH[table]} {table}" if language == "zh" else table


def column_text(config: Config, table: str, column: str, language: Language) -> str:
    """Return a column's name, beside the source's own where the configuration maps it; nothing for a whole row.

    Examples
    --------
    >>> config = Config.model_validate({"tables": {"customers": {"columns": {"manager_id": "客户经理"}}}})
    >>> column_text(config, "customers", "manager_id", "zh"), column_text(config, "customers", "tier", "zh")
    ('客户经理 manager_id', 'tier')
    """
    own = config.tables[table].columns.get(column, column) if table in config.tables else column
    if own == column:
        return column
    return f"{own} {column}" if language == "zh" else f"{column} ({own})"


def list_text(names: Sequence[str], language: Language, *, most: int | None = None) -> str:
    """Join names as the language does; of more than `most` the first ones, and word that there are others.

    Examples
    --------
    >>> list_text(["甲", "乙", "丙"], "zh", most=2), list_text(["a", "b"], "en", most=2)
    ('甲、乙等', 'a, b')
    """
    shown = ("、" if language == "zh" else ", ").join(names[:most])
    if most is None or len(names) <= most:
        return shown
    return f"{shown}等" if language == "zh" else f"{shown}, …"


def total_lines(findings: Sequence[Finding]) -> dict[str, int]:
    """Count the total lines of each table that has some."""
    return {finding.table: finding.count for finding in findings if finding.rule == TOTAL_LINE}
