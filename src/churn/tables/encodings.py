"""The encoding of a text file, by its bytes: a byte-order mark, zero bytes, UTF-8 throughout, or what its words say.

Bytes that are not UTF-8 can be read in several encodings, and in all but one they give other words. A word tells by its
letters: in Windows-1252 accents stand alone between plain letters; in GB18030 common Chinese characters stand
side by side. What is read is a file's distinct words, each once.
"""

import codecs
import itertools
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from churn.errors import DataError

CHUNK = 1 << 20
CHINESE, WESTERN = "gb18030", "windows-1252"
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
# Bytes that end a word in every encoding here: none is the second byte of a letter.
_WORD = re.compile(rb"[^\x00-\x2f:;<=>?]*[\x80-\xff][^\x00-\x2f:;<=>?]*")
# How ISO-2022 and HZ switch from ASCII to other letters.
_SWITCH = re.compile(rb"\x1b[$(][@-J(]|~\{(?:[\x21-\x77][\x21-\x7e]){1,200}~\}")
_CONTROLS = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f]")
_MOST_WORDS, _LONGEST_WORD = 20_000, 200
# An encoding is taken where it explains so many of the words, and the other one at most half as many.
_LEAST_SHARE = 0.8
# Korean letters lie where the first half of the common Chinese ones do; so many of these alone are no chance.
_LEAST_KOREAN = 12
_ACCENTS = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüŒœ")
_LATIN = frozenset(map(chr, range(0xC0, 0x180))) - {"×", "÷"}
_LETTERS = re.compile(r"[^\W\d_ªº]+")
_SIGNS = frozenset("€£§°–—‘’“”„…«»¿¡·©®™½¼¾²³±×¢•´\u00a0ªº")
_INSIDE_WORDS = frozenset("’·´\u00a0")


class Encoding(NamedTuple):
    """How a file's bytes are read.

    Attributes
    ----------
    name
        As Python knows it.
    is_assumed
        Whether its words decided.
    doubtful
        Letters that another encoding, which explains the words as well, reads otherwise.
    """

    name: str
    is_assumed: bool = False
    doubtful: str = ""


def find_encoding(path: Path, told: str | None, section: str, copy: Path | None = None) -> Encoding:
    """Find the encoding of a text file.

    Parameters
    ----------
    path
        The file, as messages name it.
    told
        The encoding that the configuration gives; only a byte-order mark is believed more.
    section
        Of the configuration, where it can be given.
    copy
        What it has, unpacked; read in its place.

    Raises
    ------
    DataError
        Bytes that are not of the encoding told, or of none that is recognised; two encodings that may be right; bytes
        that no text has.
    """
    try:
        return _find(copy or path, told, section)
    except _UnreadError as error:
        raise DataError(f"{path}: {error}") from error


class _UnreadError(Exception):
    """Why a file cannot be read, and what to do."""


def _find(path: Path, told: str | None, section: str) -> Encoding:
    with path.open("rb") as stream:
        start = stream.read(1 << 16)
    marked = next((name for mark, name in _MARKS if start.startswith(mark)), None)
    name = marked or told or _by_zeros(start)
    if name is not None:
        _require_decodable(path, name, section)
        if not _is_wide(name):
            _require_text(path, section, is_told=True)
        return Encoding(name)
    _require_text(path, section, is_told=False)
    position = broken_at(path, "utf-8")
    return Encoding("utf-8") if position is None else _by_words(path, position, section)


def _is_wide(encoding: str) -> bool:
    return codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))


def _require_text(path: Path, section: str, *, is_told: bool) -> None:
    """Refuse zero bytes, and, where no encoding is told, ASCII that switches to other letters."""
    read, rest = 0, b""
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            place = chunk.find(0)
            if place >= 0:
                raise _UnreadError(f"byte {read + place} is zero, which no text has; export the file again")
            switches = None if is_told else _SWITCH.search(rest + chunk)
            if switches:
                name = "iso2022_jp" if switches[0].startswith(b"\x1b") else "hz"
                raise _UnreadError(
                    f"is no plain text from byte {read - len(rest) + switches.start()}, where it switches to other"
                    f' letters; export it as UTF-8, or set encoding, perhaps "{name}", in [{section}]'
                )
            read, rest = read + len(chunk), chunk[-8:]


def broken_at(path: Path, encoding: str) -> int | None:
    """Return the position of the first byte that is not text of an encoding; None where all are."""
    decoder = codecs.getincrementaldecoder(encoding)()
    read = 0
    with path.open("rb") as stream:
        while True:
            chunk = stream.read(CHUNK)
            n_held = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                return read - n_held + error.start
            except UnicodeError:  # UTF-16 without the mark it needs
                return 0
            if not chunk:
                return None
            read += len(chunk)


def _require_decodable(path: Path, encoding: str, section: str) -> None:
    try:
        "".encode(encoding)  # refuses codecs that are not of text, such as hex
        position = broken_at(path, encoding)
    except (LookupError, TypeError, ValueError) as error:
        raise _UnreadError(f"encoding {encoding} is not known; name another in the configuration") from error
    if position is not None:
        raise _UnreadError(
            f"byte {position} is not {encoding} text; export the file as UTF-8 or GB18030, or name its"
            f" encoding in [{section}]"
        )


def _by_zeros(start: bytes) -> str | None:
    """Name the encoding in which the signs between cells take two or four bytes, all but one of them zero."""
    zeros = [start[place::4].count(0) for place in range(4)]
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    if min(zeros[1:3]) * 3 > len(start) // 4 and max(even, odd) * 3 > len(start) // 2:
        return "utf-32-le" if zeros[3] > zeros[0] else "utf-32-be"
    if max(even, odd) * 50 < len(start) or max(even, odd) < 10 * min(even, odd):
        return None
    return None if _is_with_zeros(start) else "utf-16-le" if odd > even else "utf-16-be"


def _is_with_zeros(start: bytes) -> bool:
    """Whether bytes are UTF-8 text into which zeros came: of two bytes a letter, more are zero, or not of such text."""
    if start.count(0) * 10 > 3 * len(start) or _CONTROLS.search(start):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return True


def _by_words(path: Path, position: int, section: str) -> Encoding:
    """Take the encoding that explains the words; `position`: of the first byte that is not UTF-8."""
    words = _words(path)
    shares = {name: _share(words, name) for name in _JUDGES}
    chinese, western = shares[CHINESE], shares[WESTERN]
    letters = {letter for text in _decoded(words, CHINESE) for letter in text if not letter.isascii()}
    is_korean = shares["cp949"] == 1.0 and len(letters) >= _LEAST_KOREAN
    if _share(words, "utf-8") <= 1 / 2:  # else it is UTF-8 with something broken in it
        # That all of a long file can be decoded is asked last.
        if chinese >= _LEAST_SHARE and western <= chinese / 2 and not is_korean and broken_at(path, CHINESE) is None:
            return Encoding(CHINESE, is_assumed=True)
        if western >= _LEAST_SHARE and chinese <= western / 2 and broken_at(path, WESTERN) is None:
            return Encoding(WESTERN, is_assumed=True, doubtful=_doubtful(words))
        likely = [name for name, share in shares.items() if share >= _LEAST_SHARE and broken_at(path, name) is None]
        if likely:
            raise _UnreadError(
                f"byte {position} is not UTF-8 text, and the file may be {' or '.join(likely)}; say which, or"
                f" another, as encoding in [{section}]"
            )
    raise _UnreadError(
        f"byte {position} is not UTF-8 text, and the words are those of no other encoding; export the file as"
        f" UTF-8, or name its encoding in [{section}]"
    )


def _words(path: Path) -> set[bytes]:
    """Return a file's distinct words with bytes that are not ASCII."""
    words: set[bytes] = set()
    rest = b""
    with path.open("rb") as stream:
        while (chunk := stream.read(CHUNK)) and len(words) < _MOST_WORDS:
            # A word that a chunk cuts in two would be two wrong ones.
            chunk = rest + chunk
            end = max(map(chunk.rfind, (b"\n", b"\r", b","))) + 1 or len(chunk)
            rest = chunk[end:]
            words.update(word for word in _WORD.findall(chunk[:end]) if len(word) <= _LONGEST_WORD)
    words.update(word for word in _WORD.findall(rest) if len(word) <= _LONGEST_WORD)
    return words


def _share(words: Collection[bytes], encoding: str) -> float:
    """Return the share of words that read in an encoding as words are written."""
    judge = _JUDGES.get(encoding, str.isprintable)
    return sum(judge(text) for text in _decoded(words, encoding)) / max(len(words), 1)


def _decoded(words: Collection[bytes], encoding: str) -> Iterator[str]:
    for word in words:
        try:
            yield word.decode(encoding)
        except UnicodeDecodeError:
            continue


def _doubtful(words: Collection[bytes]) -> str:
    """Return the letters of Western words that are others in a Central European encoding."""
    letters = {letter for text in _decoded(words, WESTERN) for letter in text if letter in _ACCENTS}
    return "".join(sorted(one for one in letters if one.encode(WESTERN).decode("windows-1250") != one))


def _is_western(text: str) -> bool:
    """Whether accents stand as they do in words: few, among plain letters."""
    for piece in _LETTERS.findall(text):
        n = sum(not letter.isascii() for letter in piece)
        n_aside = len(re.findall(r"[^\x00-\x7f]{2}", piece))
        is_too_many = n > 1 and 2 * n > len(piece) and n_aside
        if (
            is_too_many
            or re.search(r"[^\x00-\x7f]{3}", piece)
            or not _ACCENTS.issuperset(re.sub(r"[\x00-\x7f]", "", piece))
        ):
            return False
    return _is_latin(text)


def _is_latin(text: str) -> bool:
    """Whether letters are Latin ones, no capital follows a small letter, and no sign stands among them."""
    if any(_has_odd_capital(piece) for piece in _LETTERS.findall(text)):
        return False
    for at, one in enumerate(text):
        if one.isascii() or one in _LATIN:
            continue
        if one not in _SIGNS or text[at + 1 : at + 2] in _SIGNS:
            return False
        if one not in _INSIDE_WORDS and _is_inside(text, at):
            return False
    return True


def _is_inside(text: str, at: int) -> bool:
    return text[at - 1 : at].isalpha() and text[at + 1 : at + 2].isalpha()


def _has_odd_capital(piece: str) -> bool:
    """Whether a capital with an accent follows a small letter."""
    pairs = itertools.pairwise(piece)
    return any(one.islower() and other.isupper() and not other.isascii() for one, other in pairs)


def _of_script(script: str) -> Callable[[str], bool]:
    """Judge by whether all letters of a word that are not ASCII are of one script."""

    def judge(text: str) -> bool:
        letters = [one for one in text if not one.isascii()]
        right = all(unicodedata.name(one, "").startswith(script) for one in letters)
        is_mixed = re.search(r"[A-Za-z][^\x00-\x7f]|[^\x00-\x7f][A-Za-z]", text)
        return right and not is_mixed and any(map(str.isalpha, letters)) and not _has_odd_capital(text)

    return judge


_CHINESE_SIGNS = "，。、；：？！（）《》〈〉【】“”‘’…—·￥〇％－～＋／"


def _of_ideographs(encoding: str, first: int, last: int, others: str = "") -> Callable[[str], bool]:
    """Judge by whether at least half of the characters side by side are common, and none stands between letters.

    `first`, `last`: between which the first byte of the common ones lies. `others`: letters that stand beside them.
    """
    known = re.compile(rf"[\u3400-\u9fff\uff01-\uff5e{others}]+")

    def is_common(letter: str) -> bool:
        return not "\u3400" <= letter <= "\u9fff" or first <= letter.encode(encoding, "replace")[0] <= last

    def judge(text: str) -> bool:
        plain = "".join(one for one in text if one not in _CHINESE_SIGNS)
        runs = re.findall(r"[^\x00-\x7f]+", plain)
        right = all(known.fullmatch(run) and 2 * sum(map(is_common, run)) >= len(run) for run in runs)
        return right and not re.search(r"[A-Za-z][^\x00-\x7f][A-Za-z]", plain)

    return judge


_KANA = "\u3041-\u30fe"
# Of GB2312 the first 3,755 characters are the common ones, of Big5 the first 5,401, of the Japanese ones 2,965.
_JUDGES: Mapping[str, Callable[[str], bool]] = {
    CHINESE: _of_ideographs("gb2312", 0xB0, 0xD7),
    WESTERN: _is_western,
    "big5": _of_ideographs("big5", 0xA4, 0xC6),
    "shift_jis": _of_ideographs("shift_jis", 0x88, 0x97, _KANA),
    "euc_jp": _of_ideographs("euc_jp", 0xB0, 0xCF, _KANA),
    "cp949": _of_script("HANGUL"),
    "windows-1250": _is_latin,
    "windows-1251": _of_script("CYRILLIC"),
    "koi8-r": _of_script("CYRILLIC"),
    "windows-1253": _of_script("GREEK"),
    "windows-1254": _is_latin,
    "cp850": _is_latin,
    "mac_roman": _is_latin,
}
