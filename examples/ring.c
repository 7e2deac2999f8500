/* A buffer of fixed size that forgets its oldest value. */

#include <stdbool.h>
#include <stddef.h>

#define CAPACITY 64

struct ring {
    int values[CAPACITY];
    size_t first; /* where the oldest value is */
    size_t count; /* how many there are */
};

/* Add a value; where the ring is full, the oldest one makes room. */
void ring_push(struct ring *ring, int value) {
    ring->values[(ring->first + ring->count) % CAPACITY] = value;
    if (ring->count < CAPACITY) {
        ring->count += 1;
    } else {
        ring->first = (ring->first + 1) % CAPACITY;
    }
}

/* Take the oldest value; false where the ring is empty. */
bool ring_pop(struct ring *ring, int *value) {
    if (ring->count == 0) {
        return false;
    }
    /* TODO: take it out */
    return true;
}
