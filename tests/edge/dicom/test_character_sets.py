"""Texts of DICOM as they are meant, or not at all."""

from __future__ import annotations

import pytest

from edge.dicom.character_sets import Unreadable, known_sets, shown_anyway, text_of

# The names of PS3.5 annexes H, I and K are theirs.
READ = [
    (b"Smith^Jo", [], "Smith^Jo"),
    ("Müller^Anna".encode("latin-1"), ["ISO_IR 100"], "Müller^Anna"),
    ("Müller^Anna".encode(), ["ISO_IR 192"], "Müller^Anna"),
    ("Łukasz".encode("iso8859-2"), ["ISO_IR 101"], "Łukasz"),
    ("Щукин".encode("iso8859-5"), ["ISO_IR 144"], "Щукин"),
    ("Διονυσιος".encode("iso8859-7"), ["ISO_IR 126"], "Διονυσιος"),
    ("علي^محمد".encode("iso8859-6"), ["ISO_IR 127"], "علي^محمد"),
    ("สมชาย".encode("tis-620"), ["ISO_IR 166"], "สมชาย"),
    ("王^小东".encode("gb18030"), ["GB18030"], "王^小东"),
    ("王^小东".encode("gbk"), ["GBK"], "王^小东"),
    ("联通".encode("gbk"), ["GBK"], "联通"),
    (
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        ["", "ISO 2022 IR 87"],
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        ["ISO 2022 IR 13", "ISO 2022 IR 87"],
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    ("Haru=春".encode("iso2022_jp"), ["", "ISO 2022 IR 87"], "Haru=春"),  # one byte of 春 is the sign =
    (
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        ["", "ISO 2022 IR 149"],
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    (
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
        ["", "ISO 2022 IR 58"],
        "Zhang^XiaoDong=张^小东=",
    ),
    (b"Dionysios \x1b-F\xc4\xe9\xef\xed", ["ISO 2022 IR 100", "ISO 2022 IR 126"], "Dionysios Διον"),
    ("نیم\u200cفاصله".encode(), ["ISO_IR 192"], "نیم\u200cفاصله"),  # noqa: RUF001
    (b"padded \x00", [], "padded"),
]
REFUSED = [
    ("Müller".encode("latin-1"), [], "no character set that says which"),
    ("Müller".encode(), [], "no character set that says which"),
    ("Müller".encode(), ["ISO_IR 100"], "declared as ISO_IR 100, and written in UTF-8"),
    ("王小东".encode(), ["GB18030"], "declared as GB18030, and written in UTF-8"),
    ("Müller".encode("latin-1"), ["ISO_IR 192"], "not written in ISO_IR 192"),
    (b"Smith", ["UTF-8"], "'UTF-8' is none that DICOM knows"),
    (b"Smith", ["ISO_IR 100", "ISO 2022 IR 999"], "none that DICOM knows"),
    (b"Yamada=\x1b$B;3ED\x1b(B", [], "not written in"),
    (b"A\x1b$B;3\xff\x1b(B", ["", "ISO 2022 IR 87"], "no character set|not written in"),
    (b"A\x1b-F\xc4\xe9^M\xfcller", ["", "ISO 2022 IR 126"], "no character set"),
    (b"a\xe2\x80\xaeb", ["ISO_IR 192"], "not written in"),  # turns the text around that follows
    (b"a\x85b", ["ISO_IR 100"], "not written in"),
    (b"a\x00b", [], "not written in"),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("raw", "sets", "text"), READ)
def test_what_is_as_it_says_is_read(raw: bytes, sets: list[str], text: str) -> None:
    assert text_of(raw, known_sets(sets)) == text


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("raw", "sets", "why"), REFUSED)
def test_what_is_not_is_refused_and_not_repeated(raw: bytes, sets: list[str], why: str) -> None:
    with pytest.raises(Unreadable, match=why) as refused:
        text_of(raw, known_sets(sets))
    assert "ller" not in str(refused.value)


def test_what_cannot_be_read_is_shown_as_far_as_it_can() -> None:
    assert shown_anyway("Müller\x1b".encode("latin-1")) == "M�ller�"
