"""Columns of a flat file that hold what one person has: names, e-mail addresses, phone numbers, addresses, remarks.

Their cells show it, or the words of their heading. What one customer has says nothing of others, and must not travel
with a model.
"""

import re
from collections.abc import Mapping

import duckdb

from churn.tables import contract
from churn.tables.cells import Cell, number_of, quote_text
from churn.tables.database import fetch_row
from churn.tables.survey import AT_ONCE, LEAST_ROWS, MOST_SHARE, Run, words_of

RARE_SHARE, MANY_VALUES = 0.5, 100
"""Names and remarks: more than this share of the customers, or of so many values, have one that hardly others share."""
FEW_VALUES, MOST_GROUPS = 5, 20
"""Up to so many values are groups: under a heading that says surname or phone, and under one that says name."""
_LEAST_NAMES, _NAMES_SHARE = 10, 0.6
_LONG_TEXT = 80  # bytes: a dozen English words, or some 25 Chinese characters

_EMAIL = r"(?:mailto:)?[^@\s]+@[^@\s]+[.][^@\s.]{2,}"
_PHONE = r"(?:[+(]|00)?[0-9](?:[ ()./+-]{0,3}[0-9]){6,14}"
# The most common ones, which five of six people have (Ministry of Public Security, 2020), and those of two characters.
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭"
    "陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常汤"
)
_CHINESE_NAME = rf"(?:欧阳|司马|上官|诸葛|[{_SURNAMES}])[\x{{4e00}}-\x{{9fff}}]{{1,2}}"

_OF_THINGS = re.compile(
    r"\b(products?|produkt\w*|productos?|produits?|prodott[oi]|produtos?|branch|filiale?|agence|agencia|sucursal|oddzial"
    r"|bank(ing)?|device|plan|type|typ|tipo|kind|brand|marke|marque|marca|model|operator|provider|carrier|domain|services?"
    r"|status|flag|opt|consent|verified|valid|app|channel|os|version|campaign|count|code|country|city|region|file|job"
    r"|merchant|calls?|outcome|result|reason|frequency|segment|group|class|category|level|tier|score|package|bundle|tariff)\b"
    r"|产品|网点|支行|分行|机构|品牌|型号|类型|银行|渠道|是否|状态"
)
_OF_PHONES = (
    r"(tele|cell|mobile|home|work|office|private)? ?phones?( ?(no|nr|num|number))?|tel|tele[fp]h?oo?n\w*"
    r"|telefone|tlf|fax|mobile|mobil\w*nummer|mobil|mobiel|movil|celular|cellulare|portable|komorka|rufnummer"
    r"|handy(nummer)?|gsm"
)
_PHONE_HEADING = re.compile(rf"\b({_OF_PHONES})\b|(电话|手机|联系方式)(号码?)?[0-9 ]*$")
# Words that leave no doubt, beside whatever other words.
_OF_PERSONS = re.compile(
    rf"\b({_OF_PHONES}|e ?mails?|e ?mail ?(address|adresse|adres|addr|id)|correo|courriel"
    r"|(first|last|given|family|middle|maiden|sur|fore) ?name|\w*surname|[fl]name|initials|(ruf)?\w*vorname|\w*nachname"
    r"|familien ?name|prenoms?|nom de famille|apellidos?|cognome|sobrenome|apelido|imie|imiona|nazwisko|voornaam"
    r"|achternaam)\b"
    r"|(姓名|姓氏|名字|邮箱|邮件|邮件地址|邮箱地址|电话|手机|电话号码?|手机号码?|联系方式)[0-9 ]*$|^[姓名]$"
)
# Names of what, if nothing but a person or nothing at all is named.
_WHO = (
    r"customers?|cust|clients?|user|member|person|holder|owner|contact|applicant|borrower|account|full|complete|primary"
    r"|legal|display|clientes?|completo|complet|kunden?|klienta?|klant|utente|usuario|titular|titulaire|inhaber"
    r"|of|the|de|du|del|della|do|da|des|der|la|le|el|i|und|and|y|et|e|[0-9]+"
)
_OF_NAMES = re.compile(
    rf"(({_WHO}) )*(names?|nom|nombres?|nome|naam|mail|\w*kundenname|(customer|client|user|full)name|klantnaam)"
    rf"( ({_WHO}))*|(客户|顾客|用户)?名称"
)
_OF_PLACES_AND_REMARKS = re.compile(
    r"\b(address(es)?|addr|adress[ea]?|adres|direccion|indirizzo|endereco|morada|anschrift|domicilio|street|\w*strasse|rue"
    r"|calle|rua|ulica|straat|remarks?|comments?|notes?|free ?text|description|feedback|complaints?|bemerkung(en)?"
    r"|kommentare?|beschwerden?|remarques?|commentaires?|comentarios?|observacion(es)?|commenti|commento|uwagi"
    r"|opmerking(en)?)\b|(住址|地址|备注|说明|评论|意见)[0-9 ]*$"
)


def find_personal_texts(connection: duckdb.DuckDBPyConnection, scan: str, texts: Mapping[str, str]) -> dict[str, int]:
    """Name the columns of strings that hold what one person has, each with how many values it has.

    `texts`: by the name of a column, SQL of its cells, NULL where empty. Few values are shared; or most are e-mail
    addresses, phone numbers, Chinese names or long texts; or the heading says so: families share a surname.
    """
    found: dict[str, int] = {}
    names = list(texts)
    rare = f"FILTER (n < {contract.LEAST_SHARED})"
    is_name = f"regexp_full_match(value, {quote_text(_CHINESE_NAME)})"
    query = (
        f"SELECT count(*), count(*) {rare}, coalesce(sum(n), 0), coalesce(sum(n) {rare}, 0),"
        f" count(*) FILTER (regexp_full_match(value, {quote_text(_EMAIL)})),"
        f" count(*) FILTER (regexp_full_match(value, {quote_text(_PHONE)})),"
        f" count(*) FILTER ({is_name}), count(DISTINCT substr(value, 2)) FILTER ({is_name}),"
        f" count(*) FILTER (strlen(value) >= {_LONG_TEXT})"
        " FROM (SELECT t{place} AS value, count(*) AS n FROM surveyed WHERE t{place} IS NOT NULL GROUP BY t{place})"
    )
    for start in range(0, len(names), AT_ONCE):
        part = names[start : start + AT_ONCE]
        columns = ", ".join(f"{texts[name]} AS t{place}" for place, name in enumerate(part))
        connection.execute(f"CREATE OR REPLACE TEMP TABLE surveyed AS SELECT {columns} FROM {scan}")
        for place, name in enumerate(part):
            counts = fetch_row(connection, query.replace("{place}", str(place)))
            n_values, n_rare, n_filled, n_alone, n_emails, n_phones, n_names, n_given, n_long = counts
            is_of_single_ones = n_filled >= LEAST_ROWS and n_alone > RARE_SHARE * n_filled
            is_long_tailed = n_values > MANY_VALUES and n_rare > RARE_SHARE * n_values
            is_by_heading = n_values > _most_groups(name)
            # Of the values, not of the cells: `unknown` may stand in most of these.
            is_of_contacts = 2 * n_emails >= max(n_values, 1)
            is_of_contacts |= n_values > MOST_GROUPS and 2 * (n_emails + n_phones) >= n_values
            is_of_people = n_names >= max(_LEAST_NAMES, _NAMES_SHARE * n_values) and 2 * n_given >= n_names
            is_of_remarks = n_values > MOST_GROUPS and 2 * n_long >= n_values
            if is_of_single_ones or is_long_tailed or is_by_heading or is_of_contacts or is_of_people or is_of_remarks:
                found[name] = n_values
        connection.execute("DROP TABLE surveyed")
    return found


def find_phone_numbers(
    connection: duckdb.DuckDBPyConnection,
    scan: str,
    values: Mapping[str, Cell],
    signs: Mapping[str, str | None],
    runs: Mapping[str, Run],
) -> dict[str, int]:
    """Name the columns of numbers that are phone numbers, each with how many values it has.

    `values`, `signs`, `runs`: by the name of a column of numbers, its cells, its decimal sign, and what its numbers
    are. Phone numbers are whole, of 7 to 15 digits, and their heading says so; or they are of at least 9 digits, as
    many in all of them, and few are shared. Amounts are of several sizes.
    """
    found: dict[str, int] = {}
    for name, cell in values.items():
        n_filled, n_values, least = runs[name].n, runs[name].n_values, MOST_SHARE * runs[name].n
        if not n_filled or runs[name].n_long < least:
            continue
        (n_alike,) = fetch_row(
            connection,
            f"SELECT max(n) FROM (SELECT count(*) AS n FROM (SELECT {number_of(cell, signs[name])} AS v FROM {scan})"
            f" WHERE v >= 1e8 AND v < 1e15 GROUP BY length(CAST(CAST(v AS BIGINT) AS TEXT)))",
        )
        is_by_heading = n_values > FEW_VALUES and is_of_phones(name)
        is_by_cells = n_filled >= LEAST_ROWS and (n_alike or 0) >= least and n_values > RARE_SHARE * n_filled
        if is_by_heading or is_by_cells:
            found[name] = n_values
    return found


def is_of_phones(heading: str) -> bool:
    """Whether a heading says phone.

    Examples
    --------
    >>> is_of_phones("TelNr"), is_of_phones("联系电话"), is_of_phones("phone_plan"), is_of_phones("hotel")
    (True, True, False, False)
    """
    words = words_of(heading)
    return bool(_PHONE_HEADING.search(words)) and not _OF_THINGS.search(words)


def _most_groups(heading: str) -> float:
    """Return up to how many values a column under a heading holds groups.

    Examples
    --------
    >>> _most_groups("cust_surname"), _most_groups("CustomerFullName"), _most_groups("product_name")
    (5, 20, inf)
    """
    words = words_of(heading)
    if _OF_THINGS.search(words):
        return float("inf")
    if _OF_PERSONS.search(words):
        return FEW_VALUES
    return MOST_GROUPS if _OF_NAMES.fullmatch(words) or _OF_PLACES_AND_REMARKS.search(words) else float("inf")
