/* Points measured in alternating rounds: each figure is a median with its range, each ratio the
   median of the ratios within a round. */
#define _GNU_SOURCE
#include "scale.h"

#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

int is_short, rounds = 9, failed;
const char *section;

void die(const char *what) {
  fprintf(stderr, "scale %s: %s\n", section, what);
  exit(1);
}

void die_of(const char *what) {
  fprintf(stderr, "scale %s: %s: %s\n", section, what, strerror(errno));
  exit(1);
}

void need(long long value, long long expected, const char *what) {
  if (value != expected) {
    fprintf(stderr, "scale %s: %s: %lld, not %lld (%s)\n", section, what, value, expected,
            fdwire_error_name((int)value));
    exit(1);
  }
}

void too_much(const char *what, double value, double most) {
  fprintf(stderr, "scale %s: TOO MUCH: %s: %.1f, over %.1f\n", section, what, value, most);
  failed = 1;
}

/* Memory whose pages are there already. */
void *room_for(size_t len) {
  void *room = malloc(len);
  if (room == NULL)
    die("no memory");
  return memset(room, 1, len);
}

double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double cpu_time(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

size_t heap(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set); /* where that core is not to be had, so be it */
}

fdwire_format *format_of(const char *text) {
  fdwire_format *format;
  char why[200];
  if (fdwire_format_new(text, &format, why, sizeof why) != 0) {
    fprintf(stderr, "%s: %s\n", text, why);
    die("a format");
  }
  return format;
}

static int64_t read_nothing(void *ctx, void *buf, size_t len) {
  (void)ctx, (void)buf, (void)len;
  return -EAGAIN;
}

void keep_buffers(void) {
  fdwire_conn *conn;
  need(fdwire_conn_new_over(read_nothing, NULL, NULL, NULL, NULL, &conn), 0,
       "fdwire_conn_new_over");
}

size_t allow_descriptors(size_t wanted) {
  struct rlimit limit, more = {wanted, wanted};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    die_of("getrlimit");
  if (limit.rlim_cur >= wanted || setrlimit(RLIMIT_NOFILE, &more) == 0)
    return wanted;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    die_of("setrlimit");
  fprintf(stderr, "scale %s: the limit of descriptors (RLIMIT_NOFILE) is %zu, so there are fewer "
                  "than %zu\n",
          section, (size_t)limit.rlim_max, wanted);
  return (size_t)limit.rlim_max;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void print_range(double *values) {
  qsort(values, (size_t)rounds, sizeof *values, ascending);
  printf(",%.6g,%.6g,%.6g", values[rounds / 2], values[0], values[rounds - 1]);
}

static void print_name(const char *series, const char *x, const char *metric) {
  printf("%s,\"%s\",\"%s\",\"%s\"", section, series, x, metric);
}

void print_value(const char *series, const char *x, const char *metric, double value) {
  print_name(series, x, metric);
  printf(",%.6g,%.6g,%.6g,,,\n", value, value, value);
}

/* The values of all points: of a point, a metric and a round. */
static double *values_of(double *all, size_t point, int metric) {
  return all + (point * METRICS_MAX + (size_t)metric) * (size_t)rounds;
}

static void print_point(const struct point *points, size_t i, const double *all) {
  double *ratios = room_for((size_t)rounds * sizeof *ratios);
  double *values = room_for((size_t)rounds * sizeof *values);
  for (int metric = 0; points[i].metrics[metric] != NULL; metric++) {
    memcpy(values, values_of((double *)all, i, metric), (size_t)rounds * sizeof *values);
    print_name(points[i].series, points[i].x, points[i].metrics[metric]);
    if (points[i].beside != NULL) {
      const double *base = values_of((double *)all, (size_t)(points[i].beside - points), metric);
      for (int round = 0; round < rounds; round++)
        ratios[round] = base[round] == 0 ? 1 : values[round] / base[round];
      print_range(values);
      print_range(ratios);
    } else {
      print_range(values);
      printf(",,,");
    }
    printf("\n");
  }
  free(values);
  free(ratios);
}

void measure(struct point *points, size_t count) {
  double *all = room_for(count * METRICS_MAX * (size_t)rounds * sizeof *all);
  for (int round = 0; round < rounds; round++)
    for (size_t turn = 0; turn < count; turn++) {
      size_t i = (turn + (size_t)round * (count / 2 + 1)) % count;
      double values[METRICS_MAX] = {0};
      points[i].measure(&points[i], values);
      for (int metric = 0; metric < METRICS_MAX; metric++)
        values_of(all, i, metric)[round] = values[metric];
    }
  for (size_t i = 0; i < count; i++)
    print_point(points, i, all);
  fflush(stdout);
  free(all);
}
