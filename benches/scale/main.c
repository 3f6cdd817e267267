/* How cost grows: with connections, messages, what waits to be sent, formats, and the pieces in
 * which bytes come. Prints CSV; report.py makes tables and charts of it.
 *
 *     scale SECTION [short] [ROUNDS]
 */
#define _GNU_SOURCE
#include "scale.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern int failed;

static const struct {
  const char *name;
  void (*run)(void);
} sections[] = {{"idle", idle},   {"active", active},   {"stream", stream},
                {"depth", depth}, {"formats", formats}, {"pieces", pieces}};

int main(int argc, char **argv) {
  section = argc > 1 ? argv[1] : "";
  is_short = argc > 2 && strcmp(argv[2], "short") == 0;
  rounds = argc > 2 + is_short ? atoi(argv[2 + is_short]) : is_short ? 3 : 9;
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
    if (strcmp(section, sections[i].name) == 0 && rounds > 0) {
      alarm(600);
      pin(0);
      sections[i].run();
      return failed;
    }
  fprintf(stderr, "scale idle|active|stream|depth|formats|pieces [short] [ROUNDS]\n");
  return 2;
}
