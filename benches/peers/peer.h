/* What the peers in C have in common: the command line, the bodies, the clock, and the works.
 *
 *     PEER WAY ROLE TRANSPORT ENDPOINT GO DONE SIZE COUNT WARM WORK
 *
 * ROLE is send or recv, TRANSPORT tcp or unix. ENDPOINT is the number of a connected descriptor, or
 * a URL for those who connect by themselves. GO and DONE are pipes, on which the receiver says that
 * it is warm, and that it has all; who listens by itself says on GO first that it does. Each side
 * prints a line of JSON. `PEER version` says what it is made with.
 *
 * A message is 4 bytes of length, big-endian, and a body of SIZE bytes. Whoever receives adds up
 * the length and the first and the last byte of each, and whoever sends says what the sum must be.
 */
#ifndef PEER_H
#define PEER_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { KIB = 1024, MIB = 1024 * KIB, BATCH = 256 * KIB, SLOTS = 256, WINDOW = 128, LIFETIME = 120 };

/* One end of a stream of messages. */
struct end {
  const char *endpoint, *work;
  int fd, go, tcp, sends;
  size_t size; /* bytes in a body */

  /* Bodies that differ, next to one another and few enough to stay in the first cache. */
  const uint8_t *bodies;
  size_t slots, slot;

  uint64_t sent, received; /* sums */
};

/* A way to send and to receive. What it cannot do is NULL. */
struct way {
  const char *name;
  void (*open)(struct end *end);
  /* A stream: n messages, and all of them to the kernel at the end. NULL: by say and hear. */
  void (*send)(struct end *end, long n);
  void (*receive)(struct end *end, long n);
  /* One message; a way that batches lets it wait for the next hear that waits, or for flush. */
  void (*say)(struct end *end, const uint8_t *body, size_t len);
  const uint8_t *(*hear)(struct end *end, size_t *len);
  void (*flush)(struct end *end);
};

static __attribute__((noreturn)) void die(const char *what) {
  fprintf(stderr, "%s\n", what);
  _exit(1);
}

static inline __attribute__((noreturn)) void die_of(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  _exit(1);
}

/* What this machine cannot run is no failure, and is told by name. */
static inline __attribute__((noreturn)) void skip(const char *why) {
  printf("{\"skipped\":\"%s\"}\n", why);
  exit(0);
}

/* Memory whose pages are there already. */
static inline void *room_for(size_t len) {
  void *room = malloc(len);
  if (room == NULL)
    die("no memory");
  memset(room, 1, len);
  return room;
}

static inline const uint8_t *next_body(struct end *end) {
  const uint8_t *body = end->bodies + end->slot * end->size;
  if (++end->slot == end->slots)
    end->slot = 0;
  return body;
}

static inline uint64_t sum_of(const uint8_t *body, size_t len) {
  return len > 0 ? (uint64_t)len << 16 | (uint64_t)body[0] << 8 | body[len - 1] : 0;
}

/* A length that is compared with the one that all have would be taken for it by the compiler, and a
   loop would find the next message without having read how long this one is. */
static inline void take(struct end *end, const uint8_t *body, size_t len) {
  end->received += sum_of(body, len);
}

static inline void put_head(uint8_t *at, size_t len) {
  uint32_t head = htonl((uint32_t)len);
  memcpy(at, &head, 4);
}

static inline size_t get_head(const uint8_t *at) {
  uint32_t head;
  memcpy(&head, at, 4);
  return ntohl(head);
}

static void make_bodies(struct end *end) {
  end->slots = end->size < 64 * KIB ? 64 * KIB / end->size : 1;
  if (end->slots > SLOTS)
    end->slots = SLOTS;
  uint8_t *bodies = room_for(end->slots * end->size);
  for (size_t i = 0; i < end->slots; i++) {
    bodies[i * end->size] = (uint8_t)i;
    bodies[i * end->size + end->size - 1] = (uint8_t)~i;
  }
  end->bodies = bodies;
}

static void count_sent(struct end *end, long n) {
  for (long i = 0; i < n; i++)
    end->sent += sum_of(end->bodies + (size_t)i % end->slots * end->size, end->size);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Of all threads. */
struct used {
  double cpu;
  long faults;
};

static struct used used(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  struct used all = {(double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6,
                     usage.ru_minflt};
  return all;
}

static inline void tell(int pipe) {
  if (write(pipe, "x", 1) != 1)
    die_of("write");
}

static inline void await(int pipe) {
  char byte;
  ssize_t n;
  while ((n = read(pipe, &byte, 1)) < 0 && errno == EINTR)
    ;
  if (n != 1)
    die("the receiver has failed");
}

/* Until the other side has closed its end of a pipe. */
static inline void await_end(int pipe) {
  struct pollfd end = {pipe, 0, 0};
  while (poll(&end, 1, -1) < 0 && errno == EINTR)
    ;
}

/* The works. */

static void say_each(const struct way *way, struct end *end, long n) {
  for (; n > 0; n--)
    way->say(end, next_body(end), end->size);
}

static void hear_each(const struct way *way, struct end *end, long n) {
  size_t len;
  for (; n > 0; n--) {
    const uint8_t *body = way->hear(end, &len);
    take(end, body, len);
  }
}

/* One message there and back, n times; took gets how long each was under way. */
static void ping(const struct way *way, struct end *end, long n, double *took) {
  for (long i = 0; i < n; i++) {
    double start = now();
    say_each(way, end, 1);
    hear_each(way, end, 1);
    took[i] = now() - start;
  }
}

/* Messages there and back, with at most WINDOW of them under way. */
static void ask(const struct way *way, struct end *end, long n) {
  for (long said = 0, heard = 0; heard < n;)
    if (said < n && said - heard < WINDOW) {
      say_each(way, end, 1);
      said++;
    } else {
      hear_each(way, end, 1);
      heard++;
    }
}

static void answer(const struct way *way, struct end *end, long n) {
  size_t len;
  for (; n > 0; n--) {
    const uint8_t *body = way->hear(end, &len);
    take(end, body, len);
    end->sent += sum_of(body, len);
    way->say(end, body, len);
  }
  if (way->flush != NULL)
    way->flush(end);
}

static int is(const char *a, const char *b) {
  return strcmp(a, b) == 0;
}

static void do_work(const struct way *way, struct end *end, long n, double *took) {
  int one_way = is(end->work, "stream") || is(end->work, "each");
  if (is(end->work, "stream") && end->sends && way->send != NULL)
    way->send(end, n);
  else if (one_way && end->sends)
    say_each(way, end, n);
  else if (one_way && way->receive != NULL)
    way->receive(end, n);
  else if (one_way)
    hear_each(way, end, n);
  else if (!end->sends)
    answer(way, end, n);
  else if (is(end->work, "ping"))
    ping(way, end, n, took);
  else
    ask(way, end, n);
}

static int can(const struct way *way, const char *work) {
  if (is(work, "stream"))
    return (way->send != NULL || way->say != NULL) && (way->receive != NULL || way->hear != NULL);
  return (is(work, "each") || is(work, "ping") || is(work, "echo")) && way->say != NULL &&
         way->hear != NULL;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void report(const struct end *end, double seconds, const struct used *before,
                   const struct used *after, double *took, long n) {
  printf("{\"seconds\":%.9f,\"cpu\":%.9f,\"faults\":%ld,\"sent\":%llu,\"received\":%llu", seconds,
         after->cpu - before->cpu, after->faults - before->faults, (unsigned long long)end->sent,
         (unsigned long long)end->received);
  if (end->sends && is(end->work, "ping")) {
    qsort(took, (size_t)n, sizeof *took, ascending);
    printf(",\"p50\":%.3f,\"p99\":%.3f", took[n / 2] * 1e6, took[n * 99 / 100] * 1e6);
  }
  printf("}\n");
}

static const struct way *find_way(const struct way *ways, const char *name, const char *work) {
  for (; ways->name != NULL; ways++)
    if (is(ways->name, name) && can(ways, work))
      return ways;
  die("no such way, or not for this work");
}

static int peer(int argc, char **argv, const struct way *ways, const char *version) {
  if (argc == 2 && is(argv[1], "version"))
    return printf("%s\n", version) < 0;
  if (argc != 11)
    die("WAY ROLE TRANSPORT ENDPOINT GO DONE SIZE COUNT WARM WORK");
  alarm(LIFETIME);
  struct end end;
  memset(&end, 0, sizeof end);
  end.sends = is(argv[2], "send");
  end.tcp = is(argv[3], "tcp");
  end.endpoint = argv[4];
  end.fd = atoi(argv[4]);
  end.size = strtoul(argv[7], NULL, 10);
  end.work = argv[10];
  end.go = atoi(argv[5]);
  int done = atoi(argv[6]);
  long count = atol(argv[8]), warm = atol(argv[9]);
  if (end.size == 0 || count < 1 || warm < 1)
    die("SIZE, COUNT and WARM are at least 1");
  const struct way *way = find_way(ways, argv[1], end.work);
  double *took = NULL;
  if (end.sends && is(end.work, "ping"))
    took = room_for((size_t)(count > warm ? count : warm) * sizeof *took);
  make_bodies(&end);
  way->open(&end);

  do_work(way, &end, warm, took);
  if (end.sends)
    await(end.go);
  struct used before = used();
  if (!end.sends)
    tell(end.go);
  double start = now();
  do_work(way, &end, count, took);
  if (end.sends)
    await(done); /* a library's own threads may be at work until then */
  double seconds = now() - start;
  struct used after = used();
  if (!end.sends)
    tell(done);
  if (end.sends && end.sent == 0) /* else the way has no messages, and has counted its bytes */
    count_sent(&end, warm + count);
  report(&end, seconds, &before, &after, took, count);
  fflush(stdout);
  if (!end.sends)
    await_end(done); /* the last answers may still be with a library's own threads */
  return 0;
}

#endif
