/* One job at a time, guarded by one mutex: a part is taken in a few instructions, so that threads
 * rarely wait for each other. Threads that spun instead of sleeping would start a layer sooner, and
 * use power all the time. */
#include "pool.h"

#include <pthread.h>
#include <stdlib.h>

struct thread_pool {
    pthread_mutex_t lock;
    pthread_cond_t begun; /* there is a part to take, or the pool stops */
    pthread_cond_t ended; /* the last part of a job has ended */
    void (*task)(void *state, int part);
    void *state;
    int parts;
    int next;  /* the first part that nobody has taken */
    int going; /* parts that have not ended */
    int stops;
    int helpers;
    pthread_t threads[];
};

/* Take and run parts until none is left; the lock is held on entry and on return. */
static void take_parts(thread_pool *pool)
{
    while (pool->next < pool->parts) {
        const int part = pool->next++;
        void (*const task)(void *, int) = pool->task;
        void *const state = pool->state;

        pthread_mutex_unlock(&pool->lock);
        task(state, part);
        pthread_mutex_lock(&pool->lock);
        if (--pool->going == 0) {
            pthread_cond_signal(&pool->ended);
        }
    }
}

static void *help(void *argument)
{
    thread_pool *const pool = argument;

    pthread_mutex_lock(&pool->lock);
    while (!pool->stops) {
        take_parts(pool);
        if (!pool->stops) {
            pthread_cond_wait(&pool->begun, &pool->lock);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

thread_pool *pool_start(int threads)
{
    const size_t helpers = threads > 1 ? (size_t)threads - 1 : 0;
    thread_pool *const pool = calloc(1, sizeof *pool + helpers * sizeof pool->threads[0]);

    if (pool == NULL) {
        return NULL;
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->begun, NULL);
    pthread_cond_init(&pool->ended, NULL);
    for (size_t i = 0; i < helpers; ++i) {
        if (pthread_create(&pool->threads[i], NULL, help, pool) != 0) {
            pool_stop(pool);
            return NULL;
        }
        ++pool->helpers;
    }
    return pool;
}

void pool_run(void *argument, int parts, void (*task)(void *state, int part), void *state)
{
    thread_pool *const pool = argument;

    pthread_mutex_lock(&pool->lock);
    pool->task = task;
    pool->state = state;
    pool->parts = parts;
    pool->next = 0;
    pool->going = parts;
    pthread_cond_broadcast(&pool->begun);
    take_parts(pool);
    while (pool->going > 0) {
        pthread_cond_wait(&pool->ended, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
}

void pool_stop(thread_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->stops = 1;
    pthread_cond_broadcast(&pool->begun);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->helpers; ++i) {
        pthread_join(pool->threads[i], NULL);
    }
    pthread_cond_destroy(&pool->ended);
    pthread_cond_destroy(&pool->begun);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
