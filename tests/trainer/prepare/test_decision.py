"""The decision table: what a person and a spreadsheet make of it."""

import pytest

from edge.basics.errors import ConfigError, InputOutputError
from trainer.prepare.decision import Row, read_decisions, write_decisions
from trainer.prepare.screening import Scores

ROWS = [
    Row(1, "lq/a.png", Scores(0.4, 0.2), "lq"),
    Row(2, 'odd, "name"; 목\udcff.png', Scores(0.3, 0.6), ""),
    Row(3, "c.png", Scores(0.05, 0.7), "hq"),
]


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "decision.csv"
    write_decisions(ROWS, path)
    assert dict(read_decisions(path)) == {row.path: row.domain for row in ROWS}
    assert path.read_text(errors="surrogateescape").splitlines()[:2] == [
        "number,path,haze,focus,suggested,domain",
        "1,lq/a.png,0.4000,0.2000,lq,lq",
    ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"path,domain\na.png,lq\nb.png,\nc.png,unsorted\n", id="two columns"),
        pytest.param("\ufeffpath;domain\r\na.png;LQ\r\nb.png;\r\nc.png;Unsorted \r\n".encode(), id="Excel"),
        pytest.param(b"note\tdomain\tpath\nx\tlq\ta.png\n\t\tb.png\n\tunsorted\tc.png\n", id="tabs"),
        pytest.param(b'"path","domain"\n"a.png","lq"\n"b.png"\n"c.png","unsorted"', id="short row"),
    ],
)
def test_what_spreadsheets_write(tmp_path, content):
    (tmp_path / "d.csv").write_bytes(content)
    assert dict(read_decisions(tmp_path / "d.csv")) == {"a.png": "lq", "b.png": "", "c.png": "unsorted"}


@pytest.mark.parametrize(
    "content, told",
    [
        pytest.param("", "no column path, found nothing", id="empty"),
        pytest.param("path,haze\na.png,1\n", "line 1: no column domain, found path, haze", id="no domain"),
        pytest.param(
            "path,domain\na.png,lq\nb.png,blurry\n", "line 3: b.png: domain = 'blurry': expected lq", id="word"
        ),
        pytest.param("path,domain\na.png,lq\na.png,hq\n", "line 3: a.png: 'hq' here, 'lq' above", id="both"),
    ],
)
def test_a_table_that_cannot_be_read(tmp_path, content, told):
    (tmp_path / "d.csv").write_text(content)
    with pytest.raises(ConfigError, match=told) as caught:
        read_decisions(tmp_path / "d.csv")
    assert "d.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(InputOutputError, match=r"d\.csv: cannot be read"):
        read_decisions(tmp_path / "d.csv")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputOutputError, match=r"d\.csv: cannot be written"):
        write_decisions(ROWS, tmp_path / "file" / "d.csv")
