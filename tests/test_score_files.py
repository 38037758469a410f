"""Scores, manifest and quarantine are one output: whole, of one model, and known to be so by whoever reads them."""

import json
import shutil
import threading
from contextlib import suppress

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn import files
from churn.errors import DataError, OutputError
from churn.parts import is_part
from churn.score_files import check_files, companions, describe_scores, seal_parquet
from churn.scores import read_scores

TABLE = pa.table({"customer_id": ["A", "B"], "as_of": ["2025-01-01"] * 2, "churn_probability": [0.25, 0.5]})


def write(path, model_id="m1", table=TABLE):
    """Write scores, manifest and quarantine as scoring does."""
    manifest, quarantine = companions(path)
    with files.new_files([path, quarantine, manifest]) as (scores, left_out, about):
        if path.suffix == ".csv":
            table.to_pandas().to_csv(scores, index=False)
        else:
            with pq.ParquetWriter(scores, table.schema) as writer:
                writer.write_table(table.slice(0, 1))
                writer.write_table(table.slice(1))
                seal_parquet(writer, scores, model_id)
        left_out.write_text("table\n")
        about.write_text(json.dumps({"model_id": model_id, **describe_scores(path, scores)}))
    return path


def changed(path, **said):
    about = companions(path)[0]
    about.write_text(json.dumps(json.loads(about.read_text()) | said))


@pytest.mark.parametrize("form", [".parquet", ".csv"])
def test_scores_say_their_model_and_their_sum(tmp_path, form):
    path = write(tmp_path / f"s{form}")
    found = read_scores(path)
    assert (found.model_id, found.seal.sha256) == ("m1", files.hash_file(path))
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(["s.manifest.json", "s.quarantine.csv", f"s{form}"])


def test_parquet_says_its_model_and_its_sum_without_a_manifest(tmp_path):
    path = write(tmp_path / "s.parquet")
    companions(path)[0].unlink()
    assert read_scores(path).model_id == "m1"


@pytest.mark.parametrize("with_manifest", [True, False])
def test_parquet_of_which_a_byte_was_changed_is_refused(tmp_path, with_manifest):
    path = write(tmp_path / "s.parquet")
    if not with_manifest:
        companions(path)[0].unlink()
    content = path.read_bytes()
    end = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    for at in range(0, end, 7):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(DataError, match=r"changed|is not the file|cannot be read"):
            read_scores(path)


@pytest.mark.parametrize("form", [".parquet", ".csv"])
def test_scores_beside_the_manifest_of_others_are_refused(tmp_path, form):
    one, other = write(tmp_path / f"a{form}"), write(tmp_path / f"b{form}", table=TABLE.slice(1))
    shutil.copy(one, other)
    with pytest.raises(DataError, match=r"is not the file that b\.manifest\.json was written with; score again"):
        read_scores(other)


def test_parquet_whose_manifest_names_another_model_is_refused(tmp_path):
    changed(write(tmp_path / "s.parquet"), model_id="m2")
    with pytest.raises(DataError, match=r"scored by another model \(m1\) than s\.manifest\.json says"):
        read_scores(tmp_path / "s.parquet")


@pytest.mark.parametrize("form", [".parquet", ".csv"])
@pytest.mark.parametrize(
    "text",
    ["", '{"model_id": "m', "[]", "{}", '{"model_id": 1}', "\udcff", '{"model_id": "m1", "scores": 3}', "[" * 9999],
)
def test_manifest_that_cannot_be_read_is_refused(tmp_path, form, text):
    path = write(tmp_path / f"s{form}")
    companions(path)[0].write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError, match="score again"):
        read_scores(path)


def test_scores_of_an_earlier_version_and_of_ones_own_are_read(tmp_path):
    pq.write_table(TABLE, tmp_path / "s.parquet")
    assert read_scores(tmp_path / "s.parquet").model_id is None
    (tmp_path / "s.manifest.json").write_text('{"model_id": "old"}')
    assert read_scores(tmp_path / "s.parquet").model_id == "old"


def test_both_forms_of_one_name_have_a_manifest_each(tmp_path):
    parquet, csv = write(tmp_path / "s.parquet"), write(tmp_path / "s.csv", "m2")
    assert [read_scores(one).model_id for one in (parquet, csv)] == ["m1", "m2"]
    assert companions(csv) == (tmp_path / "s.csv.manifest.json", tmp_path / "s.csv.quarantine.csv")
    write(csv, "m3")
    write(parquet, "m4")
    assert [read_scores(one).model_id for one in (parquet, csv)] == ["m4", "m3"]


def test_a_renamed_output_is_read(tmp_path):
    path = write(tmp_path / "s.parquet")
    for one in (path, *companions(path)):
        one.rename(one.with_name(one.name.replace("s.", "t.", 1)))
    assert read_scores(tmp_path / "t.parquet").model_id == "m1"


def killed_after(monkeypatch, path, model_id, renames):
    """Write scores in a process that is killed after so many renames of its change."""

    class KilledError(BaseException):
        pass

    real, done = type(path).replace, []

    def replace(self, target):
        if is_part(self.parent) and not self.name.endswith(".journal"):
            if len(done) == renames:
                raise KilledError
            done.append(target)
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(type(path), "replace", replace)
        with suppress(KilledError):
            write(path, model_id, TABLE.slice(1))


@pytest.mark.parametrize("form", [".parquet", ".csv"])
@pytest.mark.parametrize("renames", [0, 1, 2, 3])
def test_stopped_change_is_the_new_output_for_whoever_reads_it(tmp_path, monkeypatch, form, renames):
    path = write(tmp_path / f"s{form}")
    killed_after(monkeypatch, path, "m2", renames)
    found = read_scores(path)
    assert (found.model_id, found.frame["customer_id"].tolist()) == ("m2", ["B"])
    assert len(list(tmp_path.iterdir())) == 3


def test_stopped_change_that_cannot_be_finished_is_said(tmp_path):
    path = write(tmp_path / "s.csv")
    (tmp_path / ".s.csv.journal").write_text("{")
    with pytest.raises(OutputError, match="is damaged"):
        read_scores(path)


def test_scores_that_were_replaced_since_they_were_read_are_not_mixed(tmp_path):
    path = write(tmp_path / "s.parquet")
    found = read_scores(path)
    write(path, "m2")
    with pytest.raises(DataError, match="was replaced while it was read"):
        found.told(["A"])


def test_scores_that_are_written_again_and_again_are_one_output_at_any_moment(tmp_path):
    path, ended = write(tmp_path / "s.csv"), threading.Event()

    def write_on():
        for number in range(40):
            write(path, f"m{number}", TABLE.slice(number % 2))
        ended.set()

    other = threading.Thread(target=write_on)
    other.start()
    while not ended.is_set():
        assert check_files(path).model_id.startswith("m")
    other.join()
