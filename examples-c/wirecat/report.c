/* What is said to people, on standard error. */
#include "wirecat.h"

#include <stdarg.h>
#include <time.h>
#include <unistd.h>

static bool quiet;

static void say(const char *before, const char *format, va_list args) {
  fflush(stdout);
  fputs(before, stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
}

void complain(const char *format, ...) {
  va_list args;
  va_start(args, format);
  say("wirecat: ", format, args);
  va_end(args);
}

void note(const char *format, ...) {
  if (quiet)
    return;
  va_list args;
  va_start(args, format);
  say("", format, args);
  va_end(args);
}

void quiet_notes(void) { quiet = true; }

void complain_of(const char *what, int result) {
  char why[200];
  fdwire_strerror(result, why, sizeof why);
  complain("%s: %s (%s)", what, why, fdwire_error_name(result));
}

const char *count(struct counted *counted, uint64_t number, const char *what) {
  snprintf(counted->text, sizeof counted->text, "%llu %s%s", (unsigned long long)number, what,
           number == 1 ? "" : "s");
  return counted->text;
}

double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* From this many bytes on; and the seconds between two looks of it. */
#define PROGRESS_FROM (4u << 20)
#define PROGRESS_STEP 0.2

void progress_begin(struct progress *progress, bool wanted, uint64_t size) {
  progress->shown = wanted && size >= PROGRESS_FROM && !quiet && isatty(STDERR_FILENO);
  progress->size = size;
  progress->begin = progress->next = seconds();
}

void progress_show(struct progress *progress, const char *what, uint64_t done) {
  double now = progress->shown ? seconds() : 0, size = (double)progress->size;
  if (!progress->shown || now < progress->next)
    return;
  progress->next = now + PROGRESS_STEP;
  fprintf(stderr, "\r%s %5.1f%% of %.1f MB, %.0f MB/s  ", what, 100 * (double)done / size,
          size / 1e6, (double)done / 1e6 / (now - progress->begin + 1e-6));
}

/* The line goes, and the cursor is where it was. */
void progress_end(struct progress *progress) {
  if (progress->shown)
    fputs("\r\033[K", stderr);
  progress->shown = false;
}
