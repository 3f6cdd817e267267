/* Who is talked to: an address, a client, a command, or descriptors that are there already. */
#include "wirecat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { PATH_ROOM = 4200 };

/* ---- Addresses ------------------------------------------------------------------------------- */

static int parse_fd(const char *text, const char **end) {
  char *digits_end;
  long fd = strtol(text, &digits_end, 10);
  *end = digits_end;
  return text[0] < '0' || text[0] > '9' || fd > INT_MAX ? -1 : (int)fd;
}

/* "fd:N", "fd:IN,OUT" and "-" are descriptors that are open already. */
static bool parse_fds(const char *address, int *in, int *out) {
  const char *end;
  *in = STDIN_FILENO;
  *out = STDOUT_FILENO;
  if (strcmp(address, "-") == 0)
    return true;
  if (strncmp(address, "fd:", 3) != 0)
    return false;
  *in = *out = parse_fd(address + 3, &end);
  if (*end == ',')
    *out = parse_fd(end + 1, &end);
  if (*end != 0)
    *in = *out = -1;
  return true;
}

/* Without a message to send, "-" and "fd:IN,OUT" only receive. */
static bool sends(const struct options *options) {
  if (between(options))
    return true;
  return !options->recv_only && (options->send_only || options->source_count > 0);
}

bool uses(const struct options *options, int fd) {
  int in, out;
  if (options->address == NULL || !parse_fds(options->address, &in, &out))
    return false;
  return (in == fd && (!options->send_only || in == out)) ||
         (out == fd && (sends(options) || in == out));
}

/* What is a path by its looks need not say so: a slash, or no port. */
static const char *full_address(const char *address, char *room, size_t cap) {
  bool path = strchr(address, '/') != NULL || strchr(address, ':') == NULL;
  if (!path || strncmp(address, "unix:", 5) == 0)
    return address;
  int len = snprintf(room, cap, "unix:%s", address);
  return len > 0 && (size_t)len < cap ? room : address;
}

static int not_to_be_had(const char *what, int result) {
  if (result == -EINVAL)
    complain("%s is no address: HOST:PORT, [V6]:PORT, unix:PATH, fd:N, fd:IN,OUT or -", what);
  else
    complain_of(what, result);
  return result == -ETIMEDOUT || result == -EAGAIN ? TIMED_OUT : NO_PEER;
}

/* ---- Listening ------------------------------------------------------------------------------- */

static char socket_file[FDWIRE_ADDRESS_MAX];

/* The file of a Unix socket stays where the program is killed: not where it can be helped. */
static void on_signal(int number) {
  if (socket_file[0] != 0)
    unlink(socket_file);
  signal(number, SIG_DFL);
  raise(number);
}

static void guard_socket_file(const char *address) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
  if (strncmp(address, "unix:", 5) != 0 || address[5] == '@')
    return;
  snprintf(socket_file, sizeof socket_file, "%s", address + 5);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (signal(numbers[i], on_signal) == SIG_IGN)
      signal(numbers[i], SIG_IGN);
}

int open_listener(const struct options *options, int *listener) {
  char room[PATH_ROOM], bound[FDWIRE_ADDRESS_MAX];
  const char *address = full_address(options->address, room, sizeof room);
  *listener = fdwire_listen(address, 0);
  if (*listener < 0)
    return not_to_be_had(options->address, *listener);
  guard_socket_file(address);
  int result = fdwire_local_address(*listener, bound, sizeof bound);
  if (result == 0)
    note("listening on %s", bound);
  return FINE;
}

void close_listener(int listener) {
  fdwire_close(listener);
  if (socket_file[0] != 0)
    unlink(socket_file);
  socket_file[0] = 0;
}

/* ---- Commands -------------------------------------------------------------------------------- */

static bool make_pipe(int ends[2]) {
  if (pipe(ends) < 0)
    return false;
  return fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0 && fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0;
}

/* What goes to the command's input, and comes from its output; its errors are shown as they are. */
static int spawn(char **command, int input, int output, pid_t *pid) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  int error = posix_spawnp(pid, command[0], &actions, NULL, command, environ);
  posix_spawn_file_actions_destroy(&actions);
  return -error;
}

static int start_command(char **command, struct peer *peer) {
  int to[2] = {-1, -1}, from[2] = {-1, -1};
  int result = make_pipe(to) && make_pipe(from) ? 0 : -errno;
  if (result == 0)
    result = spawn(command, to[0], from[1], &peer->command);
  close(to[0]);
  close(from[1]);
  peer->in = from[0];
  peer->out = to[1];
  if (result == 0)
    return FINE;
  close(to[1]);
  close(from[0]);
  return not_to_be_had(command[0], result);
}

static void sleep_ms(long ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, NULL);
}

/* Whether it has ended, after this time at most. */
static bool await_command(pid_t pid, int *how, int ms) {
  for (int slept = 0, step = 1;; slept += step, step = step < 50 ? 2 * step : 50) {
    pid_t ended = waitpid(pid, how, WNOHANG);
    if (ended == pid || (ended < 0 && errno != EINTR) || slept >= ms)
      return ended == pid;
    sleep_ms(step);
  }
}

/* A command whose input has ended should end. One that does not is told to; that is no failure, nor
 * is what becomes of one whose output nobody wanted to the end. */
int end_command(const struct peer *peer, bool early) {
  int how = 0;
  if (peer->command == 0)
    return FINE;
  if (!await_command(peer->command, &how, 2000)) {
    kill(peer->command, SIGTERM);
    if (!await_command(peer->command, &how, 2000)) {
      kill(peer->command, SIGKILL);
      waitpid(peer->command, &how, 0);
    }
    note("the command did not end by itself");
    return FINE;
  }
  if (early || (WIFEXITED(how) && WEXITSTATUS(how) == 0))
    return FINE;
  if (WIFEXITED(how))
    complain("the command ended with %d", WEXITSTATUS(how));
  else
    complain("the command was ended by signal %d", WTERMSIG(how));
  return COMMAND_FAILED;
}

void abandon_peer(const struct peer *peer) {
  fdwire_close(peer->in);
  if (peer->out != peer->in)
    fdwire_close(peer->out);
  end_command(peer, true);
}

/* ---- Opening --------------------------------------------------------------------------------- */

static int open_fds(const struct options *options, int in, int out, struct peer *peer) {
  if (in < 0 || out < 0)
    return not_to_be_had(options->address, -EINVAL);
  bool one = in == out;
  peer->in = one || !options->send_only ? in : -1;
  peer->out = one || sends(options) ? out : -1;
  return FINE;
}

static int connect_to(const struct options *options, const char *to, struct peer *peer) {
  char room[PATH_ROOM];
  const char *address = full_address(to, room, sizeof room);
  peer->in = peer->out = fdwire_connect(address, options->timeout_ms);
  return peer->in >= 0 ? FINE : not_to_be_had(to, peer->in);
}

int open_peer(const struct options *options, int listener, struct peer *peer) {
  int in, out;
  peer->command = 0;
  if (options->address == NULL)
    return start_command(options->command, peer);
  if (listener < 0 && parse_fds(options->address, &in, &out))
    return open_fds(options, in, out, peer);
  if (listener < 0)
    return connect_to(options, options->address, peer);
  peer->in = peer->out = fdwire_accept(listener, options->timeout_ms);
  return peer->in >= 0 ? FINE : not_to_be_had(options->address, peer->in);
}

int open_other(const struct options *options, struct peer *peer) {
  peer->command = 0;
  if (options->to == NULL)
    return start_command(options->command, peer);
  return connect_to(options, options->to, peer);
}
