"""What one person has is left out of a flat file by its cells or the words of its heading; what groups share stays."""

import pytest

from churn.config import FlatFile
from churn.speech import say
from churn.tables.flat import open_flat

FLAT = FlatFile(id="id", label="left", churned="Yes")
N = 300
SURNAMES, GIVEN = "王李张刘陈杨黄赵吴周", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚"


def read(path, columns, **settings):
    """Read a file of N customers and these columns, each a function of the row; give its features and its notes."""
    lines = [",".join(["id", "left", *columns])]
    for row in range(N):
        cells = [f'"{value(row)}"' for value in columns.values()]
        lines.append(",".join([f"K{row * 7919 % 10007}", "Yes" if row % 3 else "No", *cells]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with open_flat(path, FLAT.model_copy(update=settings), labels="needed") as table:
        return list(table.kinds), [say(note.said, "en") for note in table.notes]


PERSONAL = {
    **{
        heading: lambda row: f"Q{row % 26}x"
        for heading in (
            "Vorname", "cust_surname", "firstName", "contact-email", "E-Mail", "prénom", "Apellido 1", "COGNOME",
            "sobrenome_cliente", "Imię", "nazwisko klienta", "客户姓名", "联系人邮箱", "customer_full_name", "nombre",
            "NomClient", "Straße", "home.address", "naam", "联系地址", "Bemerkungen",
        )
    },
    "Achternaam": lambda row: f"Q{row % 6}x",
    "contact": lambda row: f"a{row % 4}@example.com",
    "channel 1": lambda row: f"a{row % 40}@example.com" if row % 3 == 0 else "unknown",
    "TelNr": lambda row: "" if row in (5, 9) else 13_800_000_000 + row * 7_919_113 % 99_999_999,
    "mobil": lambda row: 5_550_000 + 17 * (row % 40),
    "c1": lambda row: f"+49 (170) {1_000_000 + 7_919 * (row % 50)}",
    "c2": lambda row: "" if row == 7 else 2_012_345_678 + 25_000_003 * (row // 2),
    "c3": lambda row: SURNAMES[row % 10] + GIVEN[row % 20] + GIVEN[row // 3 % 7],
    "c4": lambda row: f"came to the counter on day {row % 30}, asked about fees, and said that others are cheaper",
}  # fmt: skip


@pytest.mark.parametrize("part", range(3))
def test_what_one_person_has_is_left_out_with_a_word_and_can_be_kept(tmp_path, part):
    columns = {name: PERSONAL[name] for name in list(PERSONAL)[part::3]}
    features, notes = read(tmp_path / "x.csv", {**columns, "city": lambda row: f"C{row % 9}"})
    assert features == ["city"]
    for name in columns:
        assert [note for note in notes if note.startswith(f"{name}: ") and "left out" in note], name
    assert not [note for note in notes if "@" in note or "Q1x" in note or "王" in note]
    assert set(read(tmp_path / "kept.csv", columns, keep=tuple(columns))[0]) == set(columns)


def test_what_groups_share_stays_under_every_heading(tmp_path):
    names = "北京上海广州深圳江苏安徽黄山金华常州徐州郑州许昌武汉成都重庆南京大连青岛厦门西安"
    columns = {
        **{
            heading: lambda row: f"Q{row % 26}x"
            for heading in (
                "product_name",
                "branch name",
                "DeviceName",
                "plan_name",
                "phone_model",
                "hotel",
                "产品名称",
            )
        },
        "name": lambda row: f"Q{row % 20}x",
        "PhoneService": lambda row: ("Ja", "Nein", "ohne")[row % 3],
        "email": lambda row: ("never", "weekly", "monthly")[row % 3],
        "city": lambda row: names[2 * (row % 20) :][:2],
        "years": lambda row: f"{2000 + row % 15} - {2010 + row % 15}",
        "turnover": lambda row: round(1.07 ** (row * 37 % N) * 1_000),
        "calls": lambda row: row * 37 % 11,
    }
    assert set(read(tmp_path / "x.csv", columns)[0]) == set(columns)
