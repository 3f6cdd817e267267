/* What a program and its libraries ask of memory, counted: allocations, and the bytes that are
   copied or filled by a call. The functions of the C library are put before those of glibc, and
   counted while `counts` is set. Page faults are counted by the system. */
#ifndef COUNTED_H
#define COUNTED_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

static int counts;
static uint64_t allocations, bytes_copied;

void *__libc_malloc(size_t len);
void *__libc_calloc(size_t count, size_t len);
void *__libc_realloc(void *old, size_t len);
void *__libc_memalign(size_t align, size_t len);
void __libc_free(void *old);

void *malloc(size_t len) {
  allocations += (uint64_t)counts;
  return __libc_malloc(len);
}

void *calloc(size_t count, size_t len) {
  allocations += (uint64_t)counts;
  return __libc_calloc(count, len);
}

void *realloc(void *old, size_t len) {
  allocations += (uint64_t)counts;
  return __libc_realloc(old, len);
}

int posix_memalign(void **out, size_t align, size_t len) {
  allocations += (uint64_t)counts;
  *out = __libc_memalign(align, len);
  return *out == NULL ? ENOMEM : 0;
}

/* One that frees in each round has allocated, too. */
void free(void *old) {
  allocations += (uint64_t)(counts && old != NULL);
  __libc_free(old);
}

/* Plain loops, which the compiler must not take for the functions that they stand for. */
#define KEEP_LOOP __asm__ volatile("" ::: "memory")

static void copy_up(uint8_t *to, const uint8_t *from, size_t len) {
  typedef uint64_t __attribute__((may_alias, aligned(1))) word;
  for (; len >= 8; len -= 8, to += 8, from += 8) {
    *(word *)to = *(const word *)from;
    KEEP_LOOP;
  }
  for (; len > 0; len--) {
    *to++ = *from++;
    KEEP_LOOP;
  }
}

void *memmove(void *to, const void *from, size_t len) {
  uint8_t *end = to;
  bytes_copied += counts ? len : 0;
  if ((uintptr_t)to - (uintptr_t)from >= len) {
    copy_up(to, from, len);
    return to;
  }
  for (size_t i = len; i > 0; i--) {
    end[i - 1] = ((const uint8_t *)from)[i - 1];
    KEEP_LOOP;
  }
  return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t len) {
  bytes_copied += counts ? len : 0;
  copy_up(to, from, len);
  return to;
}

void *memset(void *to, int byte, size_t len) {
  bytes_copied += counts ? len : 0;
  for (size_t i = 0; i < len; i++) {
    ((uint8_t *)to)[i] = (uint8_t)byte;
    KEEP_LOOP;
  }
  return to;
}

/* Pages that the kernel had to bring, so far. */
static uint64_t page_faults(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
}

#endif
