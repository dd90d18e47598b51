"""`edge-enhance pacs`: what it says of the queue and of the PACS, and that it names no patient."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from edge.config import Config
from edge.pacs.command import main
from edge.pacs.waiting.queue import LAST_ERROR, Queue
from edge.pacs.waiting.steps import Steps
from edge.pacs.waiting.uids import named
from tests.doubles.waiting import GUARD_S
from tests.paths import REPOSITORY


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """`told(words, key=value...)`: exit code, lines of the output, line of the error."""

    def run(*words, **keys):
        path = tmp_path / "edge.toml"
        lines = [f"{key} = {json.dumps(value)}" for key, value in {"folder": str(tmp_path / "pacs"), **keys}.items()]
        path.write_text("\n".join(["[pacs]", *lines, f"[audit]\nfile = {json.dumps(str(tmp_path / 'audit.jsonl'))}\n"]))
        code = main([*words, "--config", str(path)])
        captured = capsys.readouterr()
        return code, captured.out.splitlines(), captured.err

    return run


@pytest.fixture
def queue(tmp_path: Path):
    with closing(Queue(tmp_path / "pacs")) as made:
        yield made


def test_nothing_is_configured(told):
    code, _, error = told("status")
    assert code == 2 and "name the PACS with [pacs] host" in error


def test_nothing_was_queued_and_nothing_is_made(told, tmp_path):
    code, lines, _ = told("status", host="10.0.0.5")
    assert (code, lines) == (0, ["to        10.0.0.5:11112 as 'PACS', by 'EDGE-ENHANCE'", "nothing was queued yet"])
    assert not (tmp_path / "pacs").exists()


def test_it_counts_and_names_what_waits(told, queue):
    for number in range(4):
        queue.add(f"throat-{number}", f"s{number}", named(f"throat-{number}", "pair", "s", "1.2", ["raw"]), number)
    one, two, three, _ = queue.entries()
    queue.took(one, one.uid, one.uid, "1.2")
    queue.sent(one)
    queue.committed([one.uid])
    queue.took(two, two.uid, two.uid, "1.2")
    queue.sent(two)
    queue.failed(three, "the PACS cannot understand the object: status 0xc000")
    queue.tell(LAST_ERROR, "pacs 10.0.0.5:11112: nobody listens there", 0.0)
    code, lines, _ = told("status", host="10.0.0.5")
    assert code == 0
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["waits", "1,"],
        ["sent", "1,"],
        ["kept", "1"],
        ["refused", "1;"],
    ]
    assert lines[5].endswith("ago: pacs 10.0.0.5:11112: nobody listens there")
    assert lines[6:] == [
        "  throat-1 raw: sent",
        "  throat-2 raw: refused: the PACS cannot understand the object: status 0xc000",
        "  throat-3 raw: waits",
    ]
    assert len(told("status", "--all", host="10.0.0.5")[1]) == len(lines) + 1


def test_retry_sends_again_what_was_refused(told, queue, tmp_path):
    queue.add("throat-1", "s", named("throat-1", "pair", "s", "1.2", ["raw", "enhanced"]), 0.0)
    one, two = queue.entries()
    queue.failed(one, "x")
    queue.later(two, "y", 9e9)
    code, lines, _ = told("retry", host="10.0.0.5")
    assert code == 0 and lines[0].startswith("2 objects are sent again")
    assert {(entry.state, entry.reason, entry.next_try) for entry in queue.entries()} == {("waiting", "", 0.0)}
    assert '"pacs-retry"' in (tmp_path / "audit.jsonl").read_text()


def test_test_says_what_the_pacs_takes(told, pacs_of):
    pacs = pacs_of()
    code, lines, _ = told("test", host="127.0.0.1", port=pacs.port, timeout_s=120)
    assert code == 0
    words = [line.split()[0] for line in lines]
    assert words == ["to", "tls", "echo", "takes", *["refuses"] * 5, "keeps"]
    assert "VL Endoscopic Image Storage, Explicit VR Little Endian" in lines[3]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"ae_title": "OTHER"}, "does not know itself by the AE title 'OTHER': correct [pacs] ae_title"),
        ({"port": 1}, "nobody listens there"),
        ({"host": "no.such.host.invalid"}, "correct [pacs] host"),
        ({"tls": True}, "no TLS there"),
    ],
    ids=["AE title", "nobody", "no host", "no TLS"],
)
def test_what_is_wrong_is_told_in_a_line(told, pacs_of, keys, said):
    pacs = pacs_of()
    code, _, error = told("test", **{"host": "127.0.0.1", "port": pacs.port, "timeout_s": 120, **keys})
    assert code == 74 and said in error and error.count("\n") == 1


def test_a_link_in_the_place_of_the_queue_is_not_followed(told, tmp_path):
    (tmp_path / "pacs").mkdir()
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "pacs" / "queue.sqlite").symlink_to(tmp_path / "elsewhere")
    code, _, error = told("status", host="10.0.0.5")
    assert code == 74 and "a link" in error
    assert (tmp_path / "elsewhere").read_text() == ""


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"ae_title": "much too long a title"}, "pacs.ae_title"),
        ({"own_ae_title": "Müller"}, "pacs.own_ae_title"),
        ({"stow": "ftp://x"}, "pacs.stow"),
        ({"listen": "11112"}, "pacs.listen"),
        ({"user": "me"}, "pacs.user"),
        ({"token_file": "a", "user": "b", "password_file": "c"}, "pacs.token_file"),
        ({"port": 0}, "pacs.port"),
    ],
)
def test_a_wrong_setting_is_named(told, keys, said):
    code, _, error = told("status", **{"host": "10.0.0.5", **keys})
    assert code == 78 and said in error


def test_a_unit_without_a_pacs_loads_none_of_it():
    assert not Config().pacs.is_on
    code = "import sys, edge.program; print('pynetdicom' in sys.modules, 'edge.pacs.sender' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, timeout=GUARD_S)
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_it_says_what_the_worklist_was_told_and_tells_it_again(queue, tmp_path, capsys):
    with closing(Steps(tmp_path / "pacs")) as steps:
        for session in ("a1", "b2"):
            steps.add(session, "1.2")
        steps.close_all_but("a1", 1.0)
        refused = next(one for one in steps.begun() if one.session == "b2")
        steps.failed(refused, "the peer does not begin the step: status 0x0106")
        path = tmp_path / "edge.toml"
        words = f'[pacs]\nhost = "10.0.0.5"\nfolder = {json.dumps(str(tmp_path / "pacs"))}\n'
        path.write_text(f'{words}[worklist]\nmpps = "RIS@10.0.0.6:104"\n')
        assert main(["status", "--config", str(path)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[-2:] == [
            "mpps      1 begun, 1 failed",
            "  session b2: failed: the peer does not begin the step: status 0x0106",
        ]
        assert main(["retry", "--config", str(path)]) == 0
        assert {one.session for one in steps.begun()} == {"a1", "b2"}


@pytest.mark.parametrize("mpps", ["10.0.0.6:104", "RIS@10.0.0.6", "much too long a title@10.0.0.6:104", "RIS@:104"])
def test_a_wrong_peer_of_mpps_is_named(tmp_path, capsys, mpps):
    path = tmp_path / "edge.toml"
    path.write_text(f'[pacs]\nhost = "10.0.0.5"\n[worklist]\nmpps = "{mpps}"\n')
    assert main(["status", "--config", str(path)]) == 78
    assert "worklist.mpps" in capsys.readouterr().err


def test_mpps_takes_a_pacs(tmp_path, capsys):
    path = tmp_path / "edge.toml"
    path.write_text('[worklist]\nmpps = "RIS@10.0.0.6:104"\n')
    assert main(["status", "--config", str(path)]) == 78
    assert "expected [pacs] host or stow beside it" in capsys.readouterr().err
