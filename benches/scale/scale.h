/* What the parts of the scale benchmark share: points of series, measured in alternating rounds. */
#ifndef SCALE_H
#define SCALE_H

#include "fdwire.h"

#include <stddef.h>
#include <stdint.h>

enum { KIB = 1024, MIB = 1024 * KIB, METRICS_MAX = 3 };

/* One thing at one size. */
struct point {
  const char *series;
  char x[64];
  const char *const *metrics; /* what `measure` gives, up to NULL; at most METRICS_MAX */
  void (*measure)(const struct point *point, double *values);
  const struct point *beside; /* the one that it is held against, round by round; or NULL */
  const void *what;           /* what `measure` has to know */
  size_t size, more;
};

/* The sections. Each measures its points and prints them. */
void idle(void);
void active(void);
void stream(void);
void depth(void);
void formats(void);
void pieces(void);

/* How much is done: little for a look (SHORT=1), and in how many rounds. */
extern int is_short, rounds;

/* What is printed belongs to this section. */
extern const char *section;

/* Measures all, in rounds that begin with another one each time, and prints them as CSV. */
void measure(struct point *points, size_t count);

/* Prints what was measured once. */
void print_value(const char *series, const char *x, const char *metric, double value);

/* Prints why a figure is not as it has to be; the program will fail. */
void too_much(const char *what, double value, double most);

__attribute__((noreturn)) void die(const char *what);
__attribute__((noreturn)) void die_of(const char *what);
void need(long long value, long long expected, const char *what);
void *room_for(size_t len);
double now(void);
double cpu_time(void);
size_t heap(void);
void pin(int cpu);
fdwire_format *format_of(const char *text);

/* From now on there is a connection all the time: with the last one would go the buffers that
   connections share, and the next would have to get fresh ones. */
void keep_buffers(void);

/* Raises the limit of descriptors as far as the system allows, to at most so many; how many there
   may be. */
size_t allow_descriptors(size_t wanted);

#endif
