/* A pool of POSIX threads that shares the parts of a layer: the parallel_for of generated code. */
#ifndef EDGEQ_EXAMPLE_POOL_H
#define EDGEQ_EXAMPLE_POOL_H

typedef struct thread_pool thread_pool;

/* A pool in which `threads` threads work, the caller's among them; NULL when there are not so many. */
thread_pool *pool_start(int threads);

/* Call task(state, part) for each part from 0 to parts - 1, several at a time; return when all have
 * ended. One caller at a time. The type fits <model>_parallel_for. */
void pool_run(void *pool, int parts, void (*task)(void *state, int part), void *state);

/* End the threads and free the pool. */
void pool_stop(thread_pool *pool);

#endif
