import random

import pytest

from churn.config import FlatFile
from churn.errors import DataError
from churn.tables.encodings import find_encoding
from churn.tables.flat import open_flat

FLAT = FlatFile(id="id", label="left", churned="Yes")
WORDS = {
    "gb18030": ["城东支行", "金卡", "普卡", "白金卡", "A类", "VIP客户", "赵喆", "男"],
    "windows-1252": ["Köln", "ZÜRICH", "Île-de-France", "Málaga", "Ærø", "São Paulo", "Größe", "120 €", "Côte d’Or"],
}
OTHERS = {
    "big5": ["臺北", "新竹", "高雄分行"],
    "shift_jis": ["東京", "ゴールド", "さくら支店"],
    "windows-1251": ["Москва", "Казань", "Самара"],
    "windows-1250": ["Łódź", "Wrocław", "Kraków"],
    "windows-1254": ["Ağrı", "Şişli", "Çankırı"],
    "cp850": ["Köln", "München", "Düsseldorf"],
    "windows-1253": ["Αθήνα", "Πάτρα", "Θεσσαλονίκη"],
}


def table_of(words, separator=","):
    rows = [["id", "left", "city"], *([f"K{i}", "Yes" if i % 2 else "No", word] for i, word in enumerate(words))]
    return "".join(separator.join(row) + "\n" for row in rows)


def read(path, flat=FLAT):
    with open_flat(path, flat, labels="needed") as table:
        rows = table.rows()
        return rows.customer_id.tolist(), rows.features["city"].tolist(), [note.said.text for note in table.notes]


@pytest.mark.parametrize("encoding", WORDS)
def test_bytes_that_are_not_utf_8_are_read_by_their_words_and_told(tmp_path, encoding):
    path = tmp_path / "x.csv"
    path.write_bytes(table_of(WORDS[encoding]).encode(encoding))
    _, cities, notes = read(path)
    assert cities == WORDS[encoding]
    assert any("not UTF-8; read as {encoding} by its letters" in note for note in notes)
    for separator in ";|\t":
        path.write_bytes(table_of(WORDS[encoding], separator).encode(encoding))
        assert find_encoding(path, None, "flat").name == encoding


@pytest.mark.parametrize("encoding", WORDS)
def test_a_few_words_of_either_encoding_are_enough(tmp_path, encoding):
    path, draw = tmp_path / "x.csv", random.Random(3)
    for _ in range(200):
        path.write_bytes(table_of(draw.sample(WORDS[encoding], 3)).encode(encoding))
        assert find_encoding(path, None, "flat").name == encoding


@pytest.mark.parametrize("encoding", WORDS)
def test_words_of_a_long_file_are_whole(tmp_path, encoding, monkeypatch):
    monkeypatch.setattr("churn.tables.encodings.CHUNK", 64)
    (tmp_path / "x.csv").write_bytes(table_of(WORDS[encoding][:2] * 200).encode(encoding))
    assert find_encoding(tmp_path / "x.csv", None, "flat").name == encoding


@pytest.mark.parametrize("encoding", OTHERS)
def test_words_of_another_encoding_are_refused_and_it_is_named(tmp_path, encoding):
    path = tmp_path / "x.csv"
    path.write_bytes(table_of(OTHERS[encoding]).encode(encoding))
    with pytest.raises(DataError, match=rf"x\.csv: byte \d+ is not UTF-8 .* {encoding}.* as encoding in \[flat\]"):
        find_encoding(path, None, "flat")
    assert find_encoding(path, encoding, "flat") == (encoding, False, "")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_mark_or_zero_bytes_decide(tmp_path, end):
    path, text = tmp_path / "x.csv", table_of([*WORDS["gb18030"], *WORDS["windows-1252"], "一丁"]).replace("\n", end)
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"):
        path.write_bytes(text.encode(encoding))
        assert find_encoding(path, None, "flat").name == encoding
    path.write_bytes(table_of(["Köln", "一丁"]).replace("\n", end).encode("utf-16-le"))
    assert read(path)[:2] == (["K0", "K1"], ["Köln", "一丁"])


def test_a_mark_counts_more_than_the_configuration(tmp_path):
    (tmp_path / "x.csv").write_bytes(table_of(["Köln", "Bern"]).encode("utf-16"))
    assert read(tmp_path / "x.csv", FLAT.model_copy(update={"encoding": "gb18030"}))[1] == ["Köln", "Bern"]


def test_utf_8_with_a_broken_byte_is_not_taken_for_chinese(tmp_path):
    whole = table_of(WORDS["gb18030"] * 5).encode()
    (tmp_path / "x.csv").write_bytes(whole.replace("男".encode(), b"\xe7\x94", 1))
    with pytest.raises(DataError, match=r"byte \d+ is not UTF-8 text, and the words are those of no other encoding"):
        read(tmp_path / "x.csv")


def test_ids_are_refused_where_two_encodings_read_them_differently(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes("id,left,city\nPEÑA1,Yes,a\nKÖLN2,No,b\n".encode("windows-1252"))
    with pytest.raises(DataError, match=r"column id has 1 ids whose letters .* as encoding in \[flat\]"):
        read(path)
    assert read(path, FLAT.model_copy(update={"encoding": "latin-1"}))[0] == ["KÖLN2", "PEÑA1"]
    path.write_bytes("id,left,city\nBERN1,Yes,PEÑA\nKÖLN2,No,b\n".encode("windows-1252"))
    assert read(path)[:2] == (["BERN1", "KÖLN2"], ["PEÑA", "b"])


@pytest.mark.parametrize("cell", ["7\0", "7 \0\0", "\0", "78\0\0\0"])
def test_zero_bytes_are_named_as_what_is_wrong(tmp_path, cell):
    text = table_of([cell] * 40)
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(
        DataError, match=rf"byte {text.index(chr(0))} is zero, which no text has; export the file again"
    ):
        read(tmp_path / "x.csv")
    with pytest.raises(DataError, match="is zero"):
        read(tmp_path / "x.csv", FLAT.model_copy(update={"encoding": "gb18030"}))


@pytest.mark.parametrize(("encoding", "words"), [("iso2022_jp", ["東京", "大阪"]), ("hz", ["城东", "金卡"])])
def test_plain_bytes_that_switch_to_other_letters_are_no_plain_text(tmp_path, encoding, words):
    (tmp_path / "x.csv").write_bytes(table_of(words).encode(encoding))
    with pytest.raises(DataError, match=rf'switches to other letters; .* perhaps "{encoding}", in \[flat\]'):
        read(tmp_path / "x.csv")
    assert read(tmp_path / "x.csv", FLAT.model_copy(update={"encoding": encoding}))[1] == words


@pytest.mark.parametrize("remark", ["# exported on Monday\n", "# exported on Monday, by night\n#\n", "#"])
def test_remarks_above_the_header_are_named_as_what_is_wrong(tmp_path, remark):
    (tmp_path / "x.csv").write_text(remark + table_of(["ab", "cd", "ef"]))
    with pytest.raises(DataError, match="its first line begins with #; remove remarks above the header"):
        read(tmp_path / "x.csv")
