/* Arrays of numbers turned into network order and copied, beside memcpy of the same bytes.
 *
 * All run on one core, in alternating rounds; each time is a median with its range, each ratio the
 * median of the ratios of rates within a round. Aligned: both arrays begin at a page. Unaligned:
 * they begin 1 byte and 2051 bytes behind one; not next to one another modulo a page, where memcpy
 * may take twenty times as long. What was copied is compared with what a plain loop makes.
 *
 *     arrays [ROUNDS]                     the whole table
 *     arrays CONTESTANT BYTES SECONDS     one of them, for perf: arrays copy_be32 4096 5
 */
#define _GNU_SOURCE
#include "fdwire.h"
#include "rounds.h"

#include <sched.h>
#include <string.h>

enum { KIB = 1024, MIB = 1024 * KIB, LARGEST = 16 * MIB, PAGE = 4 * KIB };

static __attribute__((noreturn)) void die(const char *what) {
  fprintf(stderr, "arrays: %s\n", what);
  exit(1);
}

static void plain_copy(void *dst, const void *src, size_t count) {
  memcpy(dst, src, count);
}

static const struct contestant {
  const char *name;
  size_t width;
  void (*copy)(void *dst, const void *src, size_t count);
} contestants[] = {{"memcpy", 1, plain_copy},
                   {"copy_be16", 2, fdwire_copy_be16},
                   {"copy_be32", 4, fdwire_copy_be32},
                   {"copy_be64", 8, fdwire_copy_be64}};
enum { CONTESTANTS = sizeof contestants / sizeof *contestants };

static uint8_t *from, *to; /* each with a page more than the largest array */

static const size_t skews[2][2] = {{0, 0}, {1, 2051}}; /* of `from` and of `to` */

static void check(const struct contestant *c, int unaligned, size_t len) {
  const uint8_t *src = from + skews[unaligned][0], *dst = to + skews[unaligned][1];
  for (size_t i = 0; i < len; i++)
    if (dst[i] != src[i - i % c->width + (c->width - 1 - i % c->width)])
      die("what was copied is not what was there");
}

/* Nanoseconds a call, of about so many seconds. The calls go through a pointer, so that none is
   left out or made inline. */
static double run(const struct contestant *c, int unaligned, size_t len, double seconds) {
  void (*volatile copy)(void *, const void *, size_t) = c->copy;
  long calls = 0, more = len < PAGE ? 64 * PAGE / (long)len : len < MIB ? 16 : 1;
  const uint8_t *src = from + skews[unaligned][0];
  uint8_t *dst = to + skews[unaligned][1];
  memset(to, 0, len + PAGE);
  copy(dst, src, len / c->width);
  check(c, unaligned, len);
  double start = now(), taken;
  do {
    for (long i = 0; i < more; i++)
      copy(dst, src, len / c->width);
    calls += more;
  } while ((taken = now() - start) < seconds);
  return taken * 1e9 / (double)calls;
}

/* Rounds alternate, and so does who goes first in them. */
static void compare(int unaligned, size_t len, int rounds) {
  double times[CONTESTANTS][ROUNDS_MAX], ratios[ROUNDS_MAX];
  for (int round = 0; round < rounds; round++)
    for (int turn = 0; turn < CONTESTANTS; turn++) {
      int i = (turn + round) % CONTESTANTS;
      times[i][round] = run(&contestants[i], unaligned, len, 0.004);
    }
  printf("| %zu, %s ", len, unaligned ? "unaligned" : "aligned");
  for (int i = 1; i < CONTESTANTS; i++) {
    for (int round = 0; round < rounds; round++)
      ratios[round] = times[0][round] / times[i][round];
    show(ratios, rounds, 2);
  }
  for (int i = 0; i < CONTESTANTS; i++)
    show(times[i], rounds, median(times[i], rounds) < 10 ? 2 : 0);
  printf("|\n");
  fflush(stdout);
}

static void table(int rounds) {
  printf("Rates beside memcpy, and nanoseconds a call: median and range of %d alternating rounds. "
         "Compiled by %s.\n\n| bytes ",
         rounds, __VERSION__);
  for (int i = 1; i < CONTESTANTS; i++)
    printf("| %s / memcpy ", contestants[i].name);
  for (int i = 0; i < CONTESTANTS; i++)
    printf("| %s, ns ", contestants[i].name);
  printf("|\n|---|---|---|---|---|---|---|---|\n");
  for (size_t len = 64; len <= LARGEST; len *= 4)
    for (int unaligned = 0; unaligned < 2; unaligned++)
      compare(unaligned, len, rounds);
}

static int run_one(const char *name, size_t len, double seconds) {
  for (int i = 0; i < CONTESTANTS; i++)
    if (strcmp(name, contestants[i].name) == 0 && len > 0 && len <= LARGEST && len % 8 == 0) {
      printf("%.1f ns a call\n", run(&contestants[i], 0, len, seconds));
      return 0;
    }
  fprintf(stderr, "no such contestant, or no such size\n");
  return 2;
}

static uint8_t *room(void) {
  uint8_t *bytes = aligned_alloc(PAGE, LARGEST + PAGE);
  if (bytes == NULL)
    die("no memory");
  for (size_t i = 0; i < LARGEST + PAGE; i++)
    bytes[i] = (uint8_t)(i * 167 >> 3); /* its pages are there */
  return bytes;
}

static void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set); /* where that core is not to be had, so be it */
}

int main(int argc, char **argv) {
  pin(1);
  from = room();
  to = room();
  if (argc == 4)
    return run_one(argv[1], strtoul(argv[2], NULL, 0), atof(argv[3]));
  int rounds = argc > 1 ? atoi(argv[1]) : 9;
  if (rounds < 1 || rounds > ROUNDS_MAX) {
    fprintf(stderr, "1 to %d rounds\n", ROUNDS_MAX);
    return 2;
  }
  table(rounds);
  return 0;
}
