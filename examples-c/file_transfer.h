/* What send_file and receive_file have to agree on, and the line that says how far they are. */
#ifndef FILE_TRANSFER_H
#define FILE_TRANSFER_H

#include "example.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

/* The length of gigabytes needs more than the 4 bytes of most formats. */
#define TRANSFER_FORMAT "u64be max=1024G"

/* FNV-1a of 64 bits: against accidents, not against people. */
#define CHECKSUM_START 0xcbf29ce484222325u

/* The bytes of a part; the milliseconds between two lines; those after which a peer is given up. */
enum { PART = 256 << 10, STEP = 200, TIMEOUT = 30000 };

static inline uint64_t checksum(uint64_t sum, const uint8_t *bytes, size_t len) {
  for (size_t i = 0; i < len; i++)
    sum = (sum ^ bytes[i]) * 0x100000001b3u;
  return sum;
}

struct progress {
  int shown;
  uint64_t size;
  double begin, next;
};

static inline double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Only people want to see it, on a terminal, unless it is forced. */
static inline struct progress new_progress(uint64_t size, int forced) {
  double now = seconds();
  return (struct progress){forced || isatty(STDERR_FILENO), size, now, now};
}

static inline void show_progress(struct progress *progress, uint64_t done) {
  double now = progress->shown ? seconds() : 0, size = (double)progress->size;
  if (!progress->shown || size == 0 || (now < progress->next && done < progress->size))
    return;
  progress->next = now + STEP / 1000.0;
  fprintf(stderr, "\r  %5.1f%% of %.1f MB, %.0f MB/s %s", 100 * (double)done / size, size / 1e6,
          (double)done / 1e6 / (now - progress->begin + 1e-6), done < progress->size ? "" : "\n");
}

#endif
