"""Random networks that remember: resource variables of every use, SVDF and LSTM.

A file and what may be fed follow from a seed and a number, as those of ``random_network``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

import numpy as np

from tests.frontends.tflite_builder import ModelBuilder
from tests.ops.recurrent_files import Lstm, Svdf

LAYERS = (1, 2, 2, 3, 4)
MOST = 400  # codes of a row


@dataclass(frozen=True, slots=True)
class Row:
    """A tensor [1, width] of int8 codes."""

    index: int
    width: int
    scale: float
    zero: int


@dataclass(eq=False)
class Memories:
    """A file in the making; ``first`` are the first values of variables."""

    draw: Random
    b: ModelBuilder = field(default_factory=ModelBuilder)
    first: dict[str, np.ndarray] = field(default_factory=dict)
    codes: dict[str, Row] = field(default_factory=dict)
    count: int = 0

    def name(self, kind: str) -> str:
        """Return a name that nothing has."""
        self.count += 1
        return f"{kind}{self.count}"

    def row(self, width: int, like: Row) -> Row:
        """Return a new tensor in the code of another."""
        code = {"scale": like.scale, "zero_point": like.zero}
        return replace(like, index=self.b.tensor(self.name("t"), (1, width), **code), width=width)

    def ints(self, *values: int) -> int:
        """Return a constant vector."""
        return self.b.const(self.name("n"), np.array(values, np.int32))

    def variable(self, like: Row, width: int) -> str:
        """Return a new resource variable, which begins with one code or with many."""
        name = self.name("v")
        rng = np.random.default_rng(self.draw.randrange(2**32))
        codes = rng.integers(-128, 128, (1, width)).astype(np.int8)
        self.first[name] = np.full_like(codes, codes[0, 0]) if self.draw.random() < 0.5 else codes
        self.codes[name] = replace(like, width=width)
        return name

    def handle(self, name: str) -> int:
        """Return a handle of a variable; there may be several."""
        tensor = self.b.tensor(self.name("handle"), (), "resource")
        self.b.op("VAR_HANDLE", [], [tensor], VarHandleOptions={"shared_name": name})
        return tensor

    def read(self, name: str) -> Row:
        """Return what a variable holds."""
        y = self.row(self.codes[name].width, self.codes[name])
        self.b.op("READ_VARIABLE", [self.handle(name)], [y.index])
        return y

    def assign(self, name: str, value: Row) -> None:
        """Let a variable hold a value."""
        self.b.op("ASSIGN_VARIABLE", [self.handle(name), value.index], [])

    def joined(self, *rows: Row) -> Row:
        """Return rows side by side."""
        y = self.row(sum(row.width for row in rows), rows[0])
        parts = [row.index for row in rows]
        self.b.op("CONCATENATION", parts, [y.index], ConcatenationOptions={"axis": 1})
        return y

    def part(self, x: Row, begin: int, width: int) -> Row:
        """Return a run of a row."""
        y = self.row(width, x)
        places = [self.ints(0, begin), self.ints(1, width)]
        self.b.op("SLICE", [x.index, *places], [y.index])
        return y

    def sum(self, a: Row, b: Row) -> Row:
        """Return the sum of rows of one width."""
        y = self.row(a.width, a)
        self.b.op("ADD", [a.index, b.index], [y.index], version=2, AddOptions={})
        return y

    def data(self, *outputs: Row) -> bytes:
        """Return the file."""
        self.b.outputs([row.index for row in outputs])
        if self.first:
            self.b.subgraph("NoOp")
            for name, codes in self.first.items():
                code = {"scale": self.codes[name].scale, "zero_point": self.codes[name].zero}
                handle = self.b.tensor(f"first {name}", (), "resource")
                self.b.op("VAR_HANDLE", [], [handle], VarHandleOptions={"shared_name": name})
                value = self.b.const(f"value {name}", codes, **code)
                self.b.op("ASSIGN_VARIABLE", [handle, value], [])
        return self.b.finish()


Step = Callable[[Memories, Row], Row]


def window(net: Memories, x: Row) -> Row:
    """Add a window over the last rows, of which the variable holds all, or all but the newest."""
    rows, whole = net.draw.randint(1, 4), net.draw.random() < 0.5
    if x.width * (rows + 1) > MOST:
        return total(net, x)
    name = net.variable(x, x.width * (rows + whole))
    before = net.read(name)
    kept = net.part(before, x.width, x.width * rows) if whole else before
    turned = net.draw.random() < 0.15
    moved = net.joined(*((x, kept) if turned else (kept, x)))
    net.assign(name, moved if whole else net.part(moved, 0 if turned else x.width, before.width))
    return moved


def total(net: Memories, x: Row) -> Row:
    """Add to what a variable holds; it keeps the sum, or the row before."""
    name = net.variable(x, x.width)
    pair = [net.read(name), x]
    net.draw.shuffle(pair)
    y = net.sum(*pair)
    net.assign(name, net.draw.choice((x, y, y)))
    return net.sum(y, net.read(name)) if net.draw.random() < 0.3 else y


def exchange(net: Memories, x: Row) -> Row:
    """Let two variables change places, or one follow the other."""
    a, b = (net.variable(x, x.width) for _ in range(2))
    first, second = net.read(a), net.read(b)
    net.assign(a, second)
    net.assign(b, net.draw.choice((first, x)))
    return net.sum(net.sum(first, x), net.draw.choice((second, x)))


def svdf(net: Memories, x: Row) -> Row:
    """Filters over features and time."""
    draw = net.draw
    units, rank, steps = draw.choice((1, 3, 4, 7)), draw.choice((1, 1, 2, 3)), draw.randint(1, 9)
    zeros = (0, draw.choice((-128, 0, 5)))
    name, loud = net.name("svdf "), draw.choice((0.3, 1.0, 3.0, 30.0))
    case = Svdf(1, x.width, units, rank, steps, "int16", zeros, loud=loud, name=name)
    return Row(case.add(net.b, x.index, draw.randrange(2**32)), units, 0.04, zeros[1])


def lstm(net: Memories, x: Row) -> Row:
    """A sequence that the row is cut into."""
    draw = net.draw
    steps = draw.choice([n for n in (1, 2, 3, 4) if x.width % n == 0])
    shape = (1, steps, x.width // steps)
    tall = net.b.tensor(net.name("t"), shape, scale=x.scale, zero_point=x.zero)
    net.b.op("RESHAPE", [x.index, net.ints(*shape)], [tall], ReshapeOptions={})
    cells, zero = draw.choice((1, 2, 5, 9)), draw.choice((-128, 0, 4, 127))
    case = Lstm(1, steps, shape[2], cells, zeros=(0, zero), name=net.name("lstm "))
    case = replace(case, clip=draw.choice((0.0, 0.0, 1.5)), loud=draw.choice((0.2, 1.0, 4.0)))
    y = Row(case.add(net.b, tall, draw.randrange(2**32)), steps * cells, 0.0079, zero)
    flat = net.row(y.width, y)
    net.b.op("RESHAPE", [y.index, net.ints(1, y.width)], [flat.index], ReshapeOptions={})
    return flat


def dense(net: Memories, x: Row) -> Row:
    """A layer that remembers nothing."""
    rng = np.random.default_rng(net.draw.randrange(2**32))
    width = net.draw.choice((1, 2, 3, 5, 8, 12))
    codes = rng.integers(-127, 128, (width, x.width)).astype(np.int8)
    y = net.row(width, replace(x, scale=0.05, zero=net.draw.choice((-128, -3, 0))))
    ins = [x.index, net.b.const(net.name("w"), codes, scale=0.01), None]
    options = {"fused_activation_function": net.draw.choice(("NONE", "RELU"))}
    net.b.op("FULLY_CONNECTED", ins, [y.index], version=5, FullyConnectedOptions=options)
    return y


STEPS: tuple[Step, ...] = (window, window, total, exchange, svdf, lstm, dense)


def remembering(draw: Random) -> bytes:
    """Return the file of a network of 1 to 4 layers, some of which remember."""
    net = Memories(draw)
    net.b.op("CALL_ONCE", [], [], CallOnceOptions={"init_subgraph_index": 1})
    width, code = draw.choice((1, 2, 3, 4, 8, 12)), (0.05, draw.choice((-128, 0, 7)))
    index = net.b.input("x", (1, width), scale=code[0], zero_point=code[1])
    x = Row(index, width, *code)
    total(net, x)
    outputs = []
    for _ in range(draw.choice(LAYERS)):
        x = draw.choice(STEPS)(net, x)
        if draw.random() < 0.25:
            outputs.append(x)
    if outputs and outputs[-1] is x:
        outputs.pop()
    return net.data(*outputs, x)


def file_of(seed: int, number: int) -> bytes:
    """Return network ``number`` of a run."""
    return remembering(Random(f"memories {seed} {number}"))
