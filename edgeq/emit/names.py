"""Names and comments that reach C: whatever a model file says, the result is valid C99."""

from __future__ import annotations

import re

_RESERVED = frozenset(
    """
    auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while asm main bool true false and or not xor class new delete
    this private public template namespace operator catch throw try using virtual edgeq
    """.split()
)
# A header of one of these names would hide the compiler's own; edgeq_fixed_point is ours.
_HEADERS = frozenset(
    """
    assert complex ctype errno fenv inttypes iso646 limits locale math setjmp signal stdalign
    stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time
    uchar unistd wchar wctype edgeq_fixed_point
    """.split()
)
MAX_NAME = 48


def c_identifier(text: str) -> str:
    """Return a lower-case C identifier made from any text; never empty, never reserved.

    >>> c_identifier("MobileNet v1 1.0/224")
    'mobilenet_v1_1_0_224'
    >>> c_identifier("8bit"), c_identifier("int"), c_identifier("*/")
    ('model_8bit', 'model_int', 'model')
    >>> c_identifier("stdint")
    'model_stdint'
    """
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:MAX_NAME].strip("_")
    if not name:
        return "model"
    if name[0].isdigit() or name in _RESERVED | _HEADERS:
        return f"model_{name}"
    return name


def comment_text(text: str, limit: int = 200) -> str:
    """Return text that is safe inside a C comment: one line, printable ASCII, no delimiters.

    >>> comment_text("evil */ int x; /* name")
    'evil * / int x; / * name'
    """
    plain = "".join(ch if " " <= ch <= "~" else "?" for ch in text[: 2 * limit])
    # Before delimiters are looked for: a backslash becomes part of one.
    plain = plain.replace("\\", "/").replace('"', "'")
    plain = plain.replace("*/", "* /").replace("/*", "/ *")
    plain = re.sub(r"\?(?=\?)", "? ", plain).strip()
    return plain if len(plain) <= limit else plain[: limit - 3] + "..."
