/* What all have that measure in alternating rounds: a clock, and medians with their ranges. */
#ifndef ROUNDS_H
#define ROUNDS_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS_MAX = 99 };

static inline double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Which puts them in order. */
static inline double median(double *values, int count) {
  qsort(values, (size_t)count, sizeof *values, ascending);
  return values[count / 2];
}

/* A cell of a table. */
static inline void show(double *values, int rounds, int digits) {
  printf("| %.*f ", digits, median(values, rounds));
  printf("(%.*f-%.*f) ", digits, values[0], digits, values[rounds - 1]);
  fflush(stdout);
}

#endif
