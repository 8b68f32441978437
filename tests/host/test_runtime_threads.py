"""The Cython runtime leaves other threads alone, and keeps them apart."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from tests.host import tiny

# Waits until another thread writes into the input; gives up after ten seconds of processor time.
WAIT = """
    volatile int8_t *a = (volatile int8_t *)(uintptr_t)ctx->input[0];
    int32_t *seen = ctx->output[0];
    const clock_t start = clock();
    a[1] = 1;
    while (a[0] == 0 && clock() - start < 10 * CLOCKS_PER_SEC) {
    }
    seen[0] = a[0];
"""


@pytest.mark.parametrize("verb", ("run", "run_layer", "time_layers", "time_runs"))
def test_other_python_threads_go_on_meanwhile(load, open_session, verb):
    session = open_session(load(tiny.misbehaving(WAIT)))
    a, b = np.zeros(4, np.int8), np.zeros((2, 2), np.int16)
    outputs = (np.zeros(4, np.int32), np.zeros(2, np.int64))
    done = threading.Event()

    def answer():
        while a[1] == 0 and not done.wait(0.001):
            pass
        a[0] = 5

    thread = threading.Thread(target=answer)
    thread.start()
    session.begin((a, b), outputs)
    calls = {
        "run": lambda: session.run((a, b), outputs),
        "run_layer": lambda: session.run_layer(0),
        "time_layers": lambda: session.time_layers(1),
        "time_runs": lambda: session.time_runs(1),
    }
    calls[verb]()
    done.set()
    thread.join()
    # The C code has seen what the thread wrote while it ran.
    assert outputs[0][0] == 5


# Counts the runs inside at the same time, in b, which every thread shares.
OVERLAP = """
    volatile int16_t *b = (volatile int16_t *)(uintptr_t)ctx->input[1];
    int32_t *inside = ctx->output[0];
    b[0] = (int16_t)(b[0] + 1);
    for (volatile int i = 0; i < 200000; ++i) {
    }
    inside[0] = b[0];
    b[0] = (int16_t)(b[0] - 1);
"""


def test_calls_on_one_session_take_turns(load, open_session):
    session = open_session(load(tiny.misbehaving(OVERLAP)))
    b = np.zeros((2, 2), np.int16)
    seen = []

    def work():
        for _ in range(5):
            seen.append(int(session.run((np.zeros(4, np.int8), b))[0][0]))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 20
