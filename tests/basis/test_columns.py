"""Columns of numbers from texts: separators, decimal commas, units, what is missing, what is refused."""

import sys

import numpy as np
import pytest

from pinn.basis.columns import complete_columns, read_columns
from pinn.basis.errors import UserError


@pytest.mark.parametrize(
    "text",
    [
        "x,T [K]\n0.5,300\n1.5,\n",
        "x;T [K]\n0,5;3e2\n1,5;NaN\n",
        "x\tT (K)\n0,5\t300\n1.5\t-\n",
        "# a probe\nx | T\n0.5 | 300\n\n1.5 | n/a\n",
        "x T\n0.5   300\n  1.5 nan\n",
        '\ufeffx,T\r\n0.5,"300"\r\n1.5,NA\r\n',
    ],
)
def test_columns_are_read_however_they_are_written(tmp_path, text, caplog):
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    read = read_columns(tmp_path / "a.csv")
    assert list(read.values) == ["x", "T"]
    assert read.values["x"].tolist() == [0.5, 1.5]
    assert read.values["T"][0] == 300.0 and np.isnan(read.values["T"][1])
    with caplog.at_level("WARNING", logger="pinn"):
        kept, again = complete_columns(tmp_path / "a.csv"), complete_columns(tmp_path / "a.csv")
    assert kept is again and len(caplog.records) == 1
    assert kept.values["x"].tolist() == [0.5]
    assert f"a.csv: 1 of 2 rows have a missing number and are left out (line {read.lines[1]})" in caplog.text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x,T\n1,2\n1,abc\n", "line 3, column T: 'abc' is no number"),
        ("x,T\n1,2\n1,2,3\n", "line 3: 3 columns, where the header names 2"),
        ("x,x\n1,2\n", "line 1: 'x' .* there twice"),
        ("1,2\n3,4\n", "line 1: '1,2' are numbers; the first line must name the columns"),
        ("x,T\n", "has no rows"),
    ],
)
def test_a_mistake_is_told_by_line_and_column(tmp_path, text, told):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(UserError, match=told):
        read_columns(tmp_path / "a.csv")


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*a\.csv: No such file"):
        read_columns(tmp_path / "a.csv")


def test_a_file_that_changed_is_read_again(tmp_path):
    for number in ("1", "22"):
        (tmp_path / "a.csv").write_text(f"x\n{number}\n")
        assert read_columns(tmp_path / "a.csv").values["x"].tolist() == [float(number)]


def test_a_relative_path_starts_at_the_page(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "k.csv").write_text("x,k\n0,1\n1,3\n")
    (tmp_path / "page_with_a_table.py").write_text('import pinn\nTABLE = pinn.Table.read("data/k.csv")\n')
    monkeypatch.syspath_prepend(tmp_path)
    import page_with_a_table

    del sys.modules["page_with_a_table"]
    assert float(page_with_a_table.TABLE(0.5)) == 2.0
