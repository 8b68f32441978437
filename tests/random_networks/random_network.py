"""A random network of any operators, from any source of chance: a seed, or ``hypothesis``."""

from __future__ import annotations

from random import Random

from tests.random_networks import arithmetic, choosing, convolutions, movement, pairs  # noqa: F401
from tests.random_networks.draft import Draft
from tests.random_networks.network import Network
from tests.random_networks.phrases import add_phrase
from tests.random_networks.table import DRAWS, add_one
from tests.random_networks.wide import wide_network

SIZES = (1, 1, 2, 3, 4, 5, 6, 8, 10, 12)


# Of a run, one network in so many is of int16 activations.
WIDE_TURN = 8


def random_network(draw: Random) -> Network:
    """Return a network of 1 to about 12 operators."""
    net = Draft(draw)
    size, tries = draw.choice(SIZES), 0
    x = net.input(net.shape(), net.dtype)
    while len(net.nodes) < size and tries < 4 * size + 20:
        (add_phrase if net.chance(0.06) else add_one)(net)
        tries += 1
    if not net.nodes:
        DRAWS["RELU"].step(net, x, "RELU")
    return net.network()


def network_of(seed: int, number: int) -> Network:
    """Return network ``number`` of a run."""
    wide = number % WIDE_TURN == WIDE_TURN - 1
    return (wide_network if wide else random_network)(Random(f"{seed} {number}"))
