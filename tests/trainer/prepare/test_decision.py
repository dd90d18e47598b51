"""The decision table: what a person and a spreadsheet make of it."""

import pytest

from edge.basics.errors import ConfigError, InputOutputError
from trainer.prepare.decision import Decision, Row, read_decisions, write_decisions
from trainer.prepare.screening import Scores

ROWS = [
    Row(1, "lq/a.png", Scores(0.4, 0.2), Decision("lq", "photo, 7", "held_out")),
    Row(2, 'odd, "name"; 목\udcff.png', Scores(0.3, 0.6)),
    Row(3, "c.png", Scores(0.05, 0.7), Decision("hq")),
]


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "decision.csv"
    write_decisions(ROWS, path)
    assert dict(read_decisions(path)) == {row.path: row.decision for row in ROWS}
    assert path.read_text(errors="surrogateescape").splitlines()[:2] == [
        "number,path,haze,focus,suggested,domain,group,split",
        '1,lq/a.png,0.4000,0.2000,lq,lq,"photo, 7",held_out',
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
    found = read_decisions(tmp_path / "d.csv")
    assert found == {"a.png": Decision("lq"), "b.png": Decision(), "c.png": Decision("unsorted")}


def test_group_and_split_as_a_person_types_them(tmp_path):
    (tmp_path / "d.csv").write_text("path,split,domain,group\na.png, Held_Out ,,Photo 7 \nb.png,train,hq,\n")
    assert read_decisions(tmp_path / "d.csv") == {
        "a.png": Decision("", "Photo 7", "held_out"),
        "b.png": Decision("hq", "", "train"),
    }


@pytest.mark.parametrize(
    "content, message",
    [
        pytest.param("", "no column path, found nothing", id="empty"),
        pytest.param("path,haze\na.png,1\n", "line 1: no column domain, found path, haze", id="no domain"),
        pytest.param(
            "path,domain\na.png,lq\nb.png,blurry\n", "line 3: b.png: domain = 'blurry': expected lq", id="word"
        ),
        pytest.param("path,domain\na.png,lq\na.png,hq\n", "line 3: a.png: domain 'hq' here, 'lq' above", id="both"),
        pytest.param(
            "path,domain,split\na.png,lq,test\n", "line 2: a.png: split = 'test': expected train, held_out", id="split"
        ),
        pytest.param(
            "path,domain,group\na.png,lq,x\na.png,lq,y\n", "line 3: a.png: group 'y' here, 'x' above", id="two groups"
        ),
    ],
)
def test_a_table_that_cannot_be_read(tmp_path, content, message):
    (tmp_path / "d.csv").write_text(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_decisions(tmp_path / "d.csv")
    assert "d.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(InputOutputError, match=r"d\.csv: cannot be read"):
        read_decisions(tmp_path / "d.csv")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputOutputError, match=r"d\.csv: cannot be written"):
        write_decisions(ROWS, tmp_path / "file" / "d.csv")
