/* Who interrupts a conversation ends it in good order, with what is said at its end; then the
 * program ends by the signal, as it would have at once. */
#include "wirecat.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const int numbers[] = {SIGINT, SIGTERM};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static struct sigaction before[NUMBERS];
static int ends[2] = {-1, -1};
static volatile sig_atomic_t came;

/* A pipe, since poll waits for descriptors alone. The second time is not as patient. */
static void on_signal(int number) {
  char byte = 0;
  came = number;
  signal(number, SIG_DFL);
  if (write(ends[1], &byte, 1) < 0)
    raise(number);
}

int interrupts_begin(void) {
  struct sigaction action;
  if (pipe(ends) < 0)
    return ends[0] = ends[1] = -1;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (int i = 0; i < NUMBERS; i++)
    if (sigaction(numbers[i], &action, &before[i]) == 0 && before[i].sa_handler == SIG_IGN)
      sigaction(numbers[i], &before[i], NULL);
  return ends[0];
}

void interrupts_end(void) {
  if (ends[0] < 0)
    return;
  for (int i = 0; i < NUMBERS; i++)
    sigaction(numbers[i], &before[i], NULL);
  close(ends[0]);
  close(ends[1]);
  ends[0] = ends[1] = -1;
}

bool interrupted(void) { return came != 0; }

void end_by_signal(void) {
  if (came == 0)
    return;
  signal(came, SIG_DFL);
  raise(came);
}
