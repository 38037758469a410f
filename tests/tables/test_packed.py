import bz2
import gzip
import lzma
import re
import zipfile

import openpyxl
import pyarrow as pa
import pytest

from churn.config import FlatFile
from churn.errors import DataError
from churn.tables.bank import open_tables
from churn.tables.flat import open_flat
from conftest import CUSTOMERS

FLAT = FlatFile(id="id", label="left", churned="Yes")
TEXT = b"id,left,x\n1,Yes,5\n2,No,7\n"


def zstd(data):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd}


def read(path):
    with open_flat(path, FLAT, labels="needed") as table:
        return table.rows().features["x"].tolist(), table.file_facts()[0]["bytes"]


def make_zip(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return path


@pytest.mark.parametrize(("kind", "name"), list(zip(PACKERS, ["x.csv.{}", "x.csv", "x.{}", "x.CSV.{}"], strict=True)))
def test_a_packed_file_is_known_by_its_first_bytes_and_its_own_bytes_are_counted(tmp_path, kind, name):
    path = tmp_path / name.format(kind)
    path.write_bytes(PACKERS[kind](TEXT))
    assert read(path) == ([5, 7], path.stat().st_size)


@pytest.mark.parametrize("kind", PACKERS)
def test_a_packed_file_cut_short_is_one_line(tmp_path, kind):
    packed = PACKERS[kind](b"id,left,x\n" + b"".join(b"%d,Yes,%d\n" % (i, i * i % 977) for i in range(3000)))
    (tmp_path / "x.csv").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError, match=r"x\.csv: is packed, and damaged or cut short; export it again"):
        read(tmp_path / "x.csv")


def test_what_grows_beyond_all_measure_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("churn.tables.database.run_apart", lambda *given: given[2](*given[3:]))
    monkeypatch.setattr("churn.tables.packed._ALWAYS", 1 << 20)
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(TEXT + b"3,No,9\n" * 1_000_000))
    with pytest.raises(DataError, match=r"takes over .* when unpacked"):
        read(tmp_path / "x.csv.gz")


def test_an_archive_of_one_file_is_read_and_of_more_refused(tmp_path):
    assert read(make_zip(tmp_path / "x.zip", x_csv=TEXT))[0] == [5, 7]
    with pytest.raises(DataError, match="a ZIP archive of 2 files; unpack it"):
        read(make_zip(tmp_path / "y.zip", x_csv=TEXT, y_csv=TEXT))
    (tmp_path / "z.zip").write_bytes((tmp_path / "x.zip").read_bytes()[:40])
    with pytest.raises(DataError, match="is not a whole ZIP archive"):
        read(tmp_path / "z.zip")


def test_a_workbook_that_is_packed_again_is_refused(tmp_path):
    openpyxl.Workbook().save(tmp_path / "x.xlsx")
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress((tmp_path / "x.xlsx").read_bytes()))
    with pytest.raises(DataError, match="holds a packed file that is not a CSV file"):
        read(tmp_path / "x.csv.gz")


def test_what_is_packed_twice_is_refused(tmp_path):
    for kind, pack in PACKERS.items():
        (tmp_path / f"x.csv.{kind}").write_bytes(pack(gzip.compress(TEXT)))
        with pytest.raises(
            DataError, match=rf"^{re.escape(str(tmp_path))}/x\.csv\.{kind}: is packed twice; unpack it first"
        ):
            read(tmp_path / f"x.csv.{kind}")


@pytest.mark.parametrize("rest", [b"3,No,\x81\x8d\xff\n", b"3,No,\0\n", b"3,No,\x1b$BEl5~\x1b(B\n"])
def test_messages_name_the_packed_file_and_not_what_is_unpacked(tmp_path, rest):
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(TEXT + rest))
    with pytest.raises(DataError, match=rf"^{re.escape(str(tmp_path))}/x\.csv\.gz: "):
        read(tmp_path / "x.csv.gz")


@pytest.mark.parametrize("name", ["customers.csv.gz", "customers.CSV.ZST", "customers/a.csv.bz2", "customers.zip"])
def test_tables_and_parts_may_be_packed(make_folder, name):
    folder = make_folder(customers=None)
    (folder / name).parent.mkdir(exist_ok=True)
    if name.endswith("zip"):
        make_zip(folder / name, customers_csv=CUSTOMERS)
    else:
        (folder / name).write_bytes(PACKERS[name.lower().rpartition(".")[2]](CUSTOMERS.encode()))
    with open_tables(folder) as bank:
        assert bank.row_counts["customers"].used == 2
