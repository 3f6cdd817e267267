/* What every example does with a result below 0: says what failed and why, and stops. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include "fdwire.h"

#include <stdio.h>
#include <stdlib.h>

static inline int check(const char *what, int result) {
  if (result < 0) {
    char why[200];
    fdwire_strerror(result, why, sizeof why);
    fprintf(stderr, "%s: %s (%s)\n", what, why, fdwire_error_name(result));
    exit(1);
  }
  return result;
}

#endif
