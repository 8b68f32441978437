"""The most stack that compiled code takes: the deepest path through the compiler's call graph."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeq.errors import ToolchainError
from edgeq.host.sizes import PathLike, code_of_functions, stack_bytes, symbols

# What functions outside the network may take: those of the C library, and what compilers call for
# arithmetic that the processor has no instruction for. All others may take as much as the last.
_LIBRARY = (
    (r"mem(cpy|move|set)|__aeabi_mem\w+", 32),
    (r"__aeabi_(u?idiv(mod)?|l(mul|lsl|lsr|asr))", 32),
    (r"__(clz|ctz|mul|ash[lr]|lshr)[sd]i[23]|__u?(div|mod)si3", 32),
    (r"__aeabi_(u?i2f|f2u?iz|c?f(add|sub|rsub|mul|div|cmp\w+))", 48),
    (r"__\w+sf(2|3|si)|__float(un)?sisf", 48),
    (r".*", 80),
)

_NODE = re.compile(r'node: { title: "([^"]+)" label: "([^"]+)"( shape : ellipse)? }')
_EDGE = re.compile(r'edge: { sourcename: "([^"]+)" targetname: "([^"]+)"')
_FRAME = re.compile(r"(\d+) bytes \(([\w,]+)\)")
# A call through a pointer; the only one is that of the caller's threads, with the parts of a layer.
_INDIRECT = "__indirect_call"
_PART = re.compile(r"\w+_part")


@dataclass(frozen=True, slots=True)
class Function:
    """A function with a frame of so many bytes, and the titles of the functions that it calls."""

    frame: int
    calls: frozenset[str]


@dataclass(frozen=True, slots=True)
class Stack:
    """The deepest path: its bytes, and the functions on it, the outermost first."""

    bytes: int
    path: tuple[str, ...]


def worst_stack(
    graphs: Iterable[PathLike], reports: Iterable[PathLike], objects: Iterable[PathLike]
) -> Stack:
    """Return the deepest path through the code of object files.

    ``graphs`` are the ``.ci`` files of GCC's ``-fcallgraph-info=su``. From a compiler that writes
    none, the bound is that of ``stack_bytes`` over its ``.su`` ``reports``, and has no path. Raise
    ``ToolchainError`` for recursion and for a frame without a bound.
    """
    objects = tuple(objects)
    code = code_of_functions(objects)
    assembler = {name: prologue_bytes(body) for name, body in code.items()}
    graph = call_graph(Path(path).read_text(encoding="utf-8") for path in graphs)
    if not graph:
        return Stack(stack_bytes(reports) + max(assembler.values(), default=0), ())
    # A compiler knows nothing of the stack that assembler takes.
    whole = {
        title: Function(max(each.frame, assembler.get(_name(title), 0)), each.calls)
        for title, each in graph.items()
    }
    own = frozenset(each.name for each in symbols(objects) if each.kind == "code")
    return deepest(whole, own)


def call_graph(texts: Iterable[str]) -> dict[str, Function]:
    r"""Return the functions that GCC's call graphs define, by title.

    Copies of a function that share a title are one, with the largest frame and all calls.

    >>> call_graph(['node: { title: "f" label: "f\\na.c:1:5\\n16 bytes (static)" }'])
    {'f': Function(frame=16, calls=frozenset())}
    """
    frames: dict[str, int] = {}
    calls: dict[str, set[str]] = {}
    for text in texts:
        for title, label, elsewhere in _NODE.findall(text):
            if not elsewhere:
                frames[title] = max(frames.get(title, 0), _frame(title, label))
        for caller, callee in _EDGE.findall(text):
            calls.setdefault(caller, set()).add(callee)
    return {
        title: Function(frame, frozenset(calls.get(title, ()))) for title, frame in frames.items()
    }


def deepest(graph: Mapping[str, Function], defined: frozenset[str] = frozenset()) -> Stack:
    """Return the deepest path through a call graph.

    ``defined`` are names that are no library's. A call through a pointer is one of a function
    ``<name>_part``, on the stack of the caller: what the caller's own threads take is not counted.
    Raise ``ToolchainError`` for recursion, and for a function that has no frame in the graph.
    """
    known: dict[str, Stack] = {}

    def visit(title: str, above: tuple[str, ...]) -> Stack:
        if title in above:
            raise ToolchainError(f"function '{_name(title)}' is recursive: its stack has no bound")
        if title not in known:
            known[title] = _below(title, [visit(each, (*above, title)) for each in called(title)])
        return known[title]

    def called(title: str) -> list[str]:
        found = graph[title].calls if title in graph else frozenset()
        parts = [each for each in graph if _PART.fullmatch(_name(each))]
        indirect = parts if _INDIRECT in found else []
        return sorted({*found, *indirect} - {_INDIRECT})

    def _below(title: str, deeper: list[Stack]) -> Stack:
        frame = graph[title].frame if title in graph else library_bytes(title, defined)
        most = max(deeper, key=lambda stack: stack.bytes, default=Stack(0, ()))
        return Stack(frame + most.bytes, (_name(title), *most.path))

    return max((visit(title, ()) for title in sorted(graph)), key=lambda stack: stack.bytes)


def library_bytes(title: str, defined: frozenset[str] = frozenset()) -> int:
    """Return what a function outside the network may take.

    Raise ``ToolchainError`` for one of the network's own, whose frame is then unknown.
    """
    if ":" in title or title in defined:
        raise ToolchainError(f"function '{_name(title)}' has no frame in the compiler's report")
    return next(most for names, most in _LIBRARY if re.fullmatch(names, title))


def prologue_bytes(code: bytes) -> int:
    """Return the stack that the first instructions of a Thumb function take.

    Assembler functions take all of theirs there: ``push``, ``vpush``, ``sub sp``.

    >>> prologue_bytes(bytes.fromhex("2de9f04f" "2ded108b" "8bb0" "7047"))
    144
    """
    total, at = 0, 0
    while at + 4 <= len(code):
        first = int.from_bytes(code[at : at + 2], "little")
        second = int.from_bytes(code[at + 2 : at + 4], "little")
        if first & 0xFE00 == 0xB400:  # push {r0-r7, lr}
            total, at = total + 4 * (first & 0x1FF).bit_count(), at + 2
        elif first & 0xFF80 == 0xB080:  # sub sp, #4 * n
            total, at = total + 4 * (first & 0x7F), at + 2
        elif first == 0xE92D:  # push.w {...}
            total, at = total + 4 * second.bit_count(), at + 4
        elif first & 0xFFBF == 0xED2D and second & 0x0E00 == 0x0A00:  # vpush {...}
            total, at = total + 4 * (second & 0xFF), at + 4
        else:
            break
    return total


def _frame(title: str, label: str) -> int:
    found = _FRAME.search(label)
    if found is None:
        raise ToolchainError(f"call graph node {label!r} has no frame")
    if "dynamic" in found[2] and "bounded" not in found[2]:
        raise ToolchainError(f"function '{_name(title)}' has a stack frame without a bound")
    return int(found[1])


def _name(title: str) -> str:
    """Return the name of a function; titles of static ones begin with their file."""
    return title.rpartition(":")[2]
