"""How a command ends: an exit code and one line."""

from edge.basics.command import exit_code_of


def test_an_unexpected_error_is_one_line_too(capsys):
    def fail():
        raise RuntimeError("a\nb")

    assert exit_code_of("edge-enhance", fail, debug=False) == 1
    assert capsys.readouterr().err == "edge-enhance: unexpected RuntimeError: a\\nb; --debug shows where\n"
