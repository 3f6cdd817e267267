/* Runs the calls of the table, in processes of their own: what a signal or a hang ends is said as the call that it was, and the
   next case goes on. */
#include "scene.h"

#include <sys/resource.h>

#define PATIENCE_MS 4   /* then those that a call waits for give way */
#define RIGHT_MS 250    /* the same for a call with nothing wrong, which is to end well on a busy machine, too */
#define HANG_MS 20000   /* then it hangs */
#define MOST_STEPS 64
#define THREADS 2

/* What is left of a process that died. */
struct step {
  short function;
  unsigned char pick[SLOTS];
};
static struct shared {
  long at; /* case or sequence */
  long cases, calls, failures, signals, hangs;
  int hung;
  int count[THREADS];
  struct step steps[THREADS][MOST_STEPS];
} * shared;

__thread struct scene *the_scene;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct scene *scenes[THREADS];

/* ---- A call and those it waits for ---- */

static void snapshot(struct scene *s) {
  for (int i = 0; i <= SLOTS; i++)
    memcpy(s->seen[i], s->pages[i] - SEEN, SEEN);
}

void enter(struct scene *s) {
  snapshot(s);
  pthread_mutex_lock(&lock);
  s->since = now_ms();
  s->is_busy = s->is_inside = 1;
  pthread_mutex_unlock(&lock);
}

void leave(struct scene *s) {
  pthread_mutex_lock(&lock);
  s->is_inside = 0;
  pthread_mutex_unlock(&lock);
  __atomic_add_fetch(&shared->calls, 1, __ATOMIC_RELAXED);
}

/* So that a wait that is right has an end. */
static void give_way(struct scene *s, int null) {
  uint64_t one = 1;
  for (int i = 0; i < s->peer_count; i++)
    dup2(null, s->peers[i]);
  for (int i = 0; i < s->event_count; i++)
    (void)!write(s->events[i], &one, sizeof one);
  for (int i = 0; i < s->listener_count && s->fd_count < 60; i++)
    connect_to(s, s->listeners[i]);
}

static void *look_after(void *arg) {
  int null = *(int *)arg;
  for (;;) {
    sleep_ms(2);
    pthread_mutex_lock(&lock);
    for (int i = 0; i < THREADS; i++) {
      struct scene *s = scenes[i];
      long long took = s != NULL && s->is_busy ? now_ms() - s->since : 0;
      if (took > 0 && took > s->patience_ms && s->is_inside)
        give_way(s, null);
      if (took > HANG_MS) {
        shared->hung = 1;
        _exit(3);
      }
    }
    pthread_mutex_unlock(&lock);
  }
  return NULL;
}

/* ---- Scenes ---- */

static void make_pages(struct scene *s) {
  memset(s, 0, sizeof *s);
  for (int i = 0; i <= SLOTS; i++) {
    unsigned char *page = (unsigned char *)mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(page != MAP_FAILED && mprotect(page + 4096, 4096, PROT_NONE) == 0);
    s->pages[i] = page + 4096;
  }
}

static void begin_call(struct scene *s) {
  for (int i = 0; i <= SLOTS; i++)
    memset(s->pages[i] - SEEN, FILL, SEEN);
  memset(s->memory, 0, sizeof s->memory);
  s->result = 0;
  s->value = 0;
  s->text = NULL;
  s->found = NULL;
  s->wrong = NULL;
  the_scene = s;
}

static void free_objects(struct scene *s) {
  for (int i = 0; i < s->conn_count; i++)
    fdwire_conn_free(s->conns[i]);
  for (int i = 0; i < s->decoder_count; i++)
    fdwire_decoder_free(s->decoders[i]);
  for (int i = 0; i < s->format_count; i++)
    fdwire_format_free(s->formats[i]);
  s->conn_count = s->decoder_count = s->format_count = 0;
  s->calling = NULL;
}

static void close_all(struct scene *s) {
  pthread_mutex_lock(&lock);
  for (int i = 0; i < s->fd_count; i++)
    close(s->fds[i]);
  s->fd_count = s->peer_count = s->event_count = s->listener_count = 0;
  pthread_mutex_unlock(&lock);
  free(s->long_text);
  s->long_text = NULL;
}

/* ---- What has to be true afterwards ---- */

void give_code(struct scene *s, int code) {
  if (code == FDWIRE_E_PANIC)
    s->wrong = "it panicked";
  else if (strcmp(fdwire_error_name(code), "UNKNOWN") == 0)
    s->wrong = "the code is unknown";
}

static void check_code(struct scene *s, const struct function *f) {
  give_code(s, s->result);
  if (s->result > f->most)
    s->wrong = "no such success is documented";
  if (s->result >= 0 || (f->of_system && s->result > -4096))
    return;
  for (const int *code = f->codes; *code != 0; code++)
    if (*code == s->result)
      return;
  s->wrong = "no such code is documented";
}

static void check_memory(struct scene *s, const struct function *f) {
  for (int i = 0; i < f->count; i++) {
    const unsigned char *now = s->pages[i] - SEEN, *start = s->memory[i].start, *end = start + s->memory[i].len;
    int may_write = s->memory[i].memory == ROOM || (s->memory[i].memory == OUTPUT && s->result >= 0) ||
                    (s->memory[i].memory == OUTPUT && s->result == -ENOBUFS);
    for (int j = 0; j < SEEN; j++)
      if (now[j] != s->seen[i][j] && !(may_write && now + j >= start && now + j < end))
        s->wrong = "memory was written that was not to be";
  }
}

static void check_descriptors(struct scene *s, const struct function *f) {
  for (int i = 0; i < s->fd_count && !f->closes; i++)
    if (fcntl(s->fds[i], F_GETFD) < 0)
      s->wrong = "a descriptor was closed that was not to be";
}

/* ---- One call ---- */

static void describe(const struct step *step) {
  const struct function *f = &functions[step->function];
  printf("%s(", f->name);
  for (int i = 0; i < f->count; i++)
    printf("%s%s", i > 0 ? ", " : "", step->pick[i] == KEPT ? "kept" : f->parameters[i].texts[step->pick[i]]);
  printf(")");
}

static void fail(const struct step *step, const struct scene *s, const char *why) {
  if (__atomic_add_fetch(&shared->failures, 1, __ATOMIC_RELAXED) > 40)
    return;
  printf("FAIL ");
  describe(step);
  printf(": %s", why);
  if (s != NULL)
    printf("; it returned %d (%s)", s->result, fdwire_error_name(s->result));
  printf("\n");
  fflush(stdout);
}

static void make_call(struct scene *s, const struct step *step, int patience_ms) {
  const struct function *f = &functions[step->function];
  begin_call(s);
  pthread_mutex_lock(&lock);
  s->patience_ms = patience_ms;
  pthread_mutex_unlock(&lock);
  f->call(s, step->pick);
  pthread_mutex_lock(&lock);
  s->is_busy = 0;
  pthread_mutex_unlock(&lock);
  if (f->has_code)
    check_code(s, f);
  check_memory(s, f);
  if (f->has_code && f->most == INT_MAX && strcmp(f->name, "fdwire_conn_events") != 0 && s->result >= 0)
    close(s->result);
}

/* ---- The table ---- */

static int expectation(const struct step *step, int i) {
  return functions[step->function].parameters[i].expects[step->pick[i]];
}

/* It must do as the call does in which all is right. */
static int is_right(const struct step *step) {
  for (int i = 0; i < functions[step->function].count; i++)
    if (step->pick[i] != 0 && expectation(step, i) != SAME)
      return 0;
  return 1;
}

/* Then what follows it is not looked at, or not all of it. */
static int is_any_size_small(const struct step *step) {
  const struct function *f = &functions[step->function];
  for (int i = 0; i < f->count; i++)
    if (f->parameters[i].sort == A_SIZE && strlen(f->parameters[i].texts[step->pick[i]]) == 1 && step->pick[i] != 0)
      return 1;
  return 0;
}

/* What is known of a call from the values that it was given. */
static void check_expectations(struct scene *s, const struct step *step, int valid) {
  const struct function *f = &functions[step->function];
  int refused = 0, bad = 0, only = ANY;
  for (int i = 0; i < f->count; i++) {
    bad += step->pick[i] != 0;
    refused += expectation(step, i) < 0;
    if (step->pick[i] != 0)
      only = expectation(step, i);
  }
  if (!f->has_code)
    return;
  if (bad == 0 && s->result < 0)
    s->wrong = "all was right";
  if (bad == 1 && only < 0 && s->result != only)
    s->wrong = fdwire_error_name(only);
  if (bad == 1 && only == SAME && s->result != valid)
    s->wrong = "it makes a difference";
  if (bad > 1 && refused > 0 && s->result >= 0 && !is_any_size_small(step))
    s->wrong = "it was to be refused";
}

#define ALL_AT_ONCE 40

/* All right; each wrong value alone; each two together; and all wrong at once, at random. */
static long pick_case(int function, long number, struct step *step) {
  const struct function *f = &functions[function];
  long count = 1;
  memset(step, 0, sizeof *step);
  step->function = (short)function;
  for (int i = 0; i < f->count; i++) {
    long values = f->parameters[i].count - 1;
    if (number >= count && number < count + values)
      step->pick[i] = (unsigned char)(number - count + 1);
    count += values;
  }
  for (int i = 0; i < f->count; i++)
    for (int j = i + 1; j < f->count; j++) {
      long first = f->parameters[i].count - 1, second = f->parameters[j].count - 1, pairs = first * second;
      if (number >= count && number < count + pairs) {
        step->pick[i] = (unsigned char)((number - count) / second + 1);
        step->pick[j] = (unsigned char)((number - count) % second + 1);
      }
      count += pairs;
    }
  if (f->count > 2 && number >= count)
    for (int i = 0; i < f->count; i++)
      step->pick[i] = (unsigned char)(rand() % (f->parameters[i].count - 1) + 1);
  return count + (f->count > 2 ? ALL_AT_ONCE : 0);
}

static void run_cases(int function, long from) {
  struct scene *s = scenes[0];
  struct step *step = &shared->steps[0][0];
  int valid = 0;
  srand((unsigned)function);
  for (long number = 0; number < pick_case(function, number, step); number++) {
    if (number > 0 && number < from)
      continue;
    shared->at = number;
    shared->count[0] = 1;
    int open = check_open_fds();
    make_call(s, step, is_right(step) ? RIGHT_MS : PATIENCE_MS);
    valid = number == 0 ? s->result : valid;
    check_expectations(s, step, valid);
    check_descriptors(s, &functions[function]);
    free_objects(s);
    close_all(s);
    if (check_open_fds() != open)
      s->wrong = "a descriptor is left open, or gone";
    if (s->wrong != NULL)
      fail(step, s, s->wrong);
    if (number >= from)
      shared->cases++;
  }
}

/* ---- Sequences ---- */

static unsigned long long dice_of(long sequence, int thread) {
  return ((unsigned long long)sequence * THREADS + (unsigned)thread + 1) * 0x9e3779b97f4a7c15ull;
}

static unsigned roll(unsigned long long *dice, unsigned sides) {
  *dice ^= *dice << 13;
  *dice ^= *dice >> 7;
  *dice ^= *dice << 17;
  return (unsigned)(*dice >> 33) % sides;
}

static int object_of(const struct function *f, enum sort sort) {
  for (int i = 0; i < f->count; i++)
    if (f->parameters[i].sort == sort)
      return i;
  return -1;
}

/* A call on the object that is kept, most of it right. */
static void pick_step(struct step *step, enum sort sort, unsigned long long *dice) {
  const struct function *f;
  memset(step, 0, sizeof *step);
  do {
    step->function = (short)roll(dice, (unsigned)function_count);
    f = &functions[step->function];
  } while (f->frees || object_of(f, sort) < 0);
  for (int i = 0; i < f->count; i++) {
    const struct parameter *p = &f->parameters[i];
    if (p->sort == sort)
      step->pick[i] = KEPT;
    else if (p->sort == A_TIMEOUT)
      step->pick[i] = (unsigned char)(1 + roll(dice, 2)); /* 0 or 1 */
    else if (roll(dice, 4) == 0)
      step->pick[i] = (unsigned char)roll(dice, (unsigned)p->count);
  }
}

static void send_descriptor(int peer) {
  char control[CMSG_SPACE(sizeof(int))];
  struct iovec bytes = {(void *)(uintptr_t)three_frames, sizeof three_frames - 1};
  struct msghdr message;
  memset(&message, 0, sizeof message);
  memset(control, 0, sizeof control);
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &peer, sizeof peer);
  (void)sendmsg(peer, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void peer_acts(int peer, unsigned long long *dice) {
  static const char large[] = "\0\0\x10\0";
  char drain[4096];
  switch (roll(dice, 40)) {
  case 0: shutdown(peer, SHUT_WR); break;
  case 1: (void)send(peer, "\xff\xff\xff\xff", 4, MSG_DONTWAIT | MSG_NOSIGNAL); break;
  case 2: (void)send(peer, large, 4, MSG_DONTWAIT | MSG_NOSIGNAL); break;
  case 3: case 4: send_descriptor(peer); break;
  case 5: case 6: case 7: (void)!recv(peer, drain, sizeof drain, MSG_DONTWAIT); break;
  case 8: case 9: case 10: case 11: case 12: case 13:
    (void)send(peer, three_frames, 1 + roll(dice, sizeof three_frames - 1), MSG_DONTWAIT | MSG_NOSIGNAL);
    break;
  default: break;
  }
}

static void take_steps(struct scene *s, int thread, enum sort sort, int peer, long sequence) {
  unsigned long long dice = dice_of(sequence, thread);
  for (int i = 0; i < MOST_STEPS; i++) {
    struct step *step = &shared->steps[thread][i];
    do
      pick_step(step, sort, &dice);
    while (s->shared && strcmp(functions[step->function].name, "fdwire_conn_set") == 0 &&
           strcmp(functions[step->function].parameters[1].texts[step->pick[1]], "5") == 0); /* it is no promise */
    shared->count[thread] = i + 1;
    if (peer >= 0)
      peer_acts(peer, &dice);
    make_call(s, step, PATIENCE_MS);
    if (s->wrong != NULL) {
      printf("sequence %ld, step %d: ", sequence, i);
      fail(step, s, s->wrong);
    }
    close_all(s);
  }
}

static void check_after(int open) {
  if (check_open_fds() != open)
    fail(&shared->steps[0][MOST_STEPS - 1], NULL, "after the sequence a descriptor is left open, or gone");
}

/* A connection over a socket, a pipe or functions, or a decoder. */
static void run_sequence(long sequence) {
  struct scene *s = scenes[0];
  int fds[2] = {-1, -1}, open = check_open_fds();
  enum sort sort = sequence % 4 == 3 ? A_DECODER : A_CONN;
  if (sort == A_DECODER) {
    s->kept_decoder = empty_decoder(s);
  } else if (sequence % 4 == 2) {
    s->kept_conn = over(s, read_well, write_well, NULL);
  } else {
    NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    s->kept_conn = keep_conn(s, fds[0], fds[0], NULL);
  }
  take_steps(s, 0, sort, fds[1], sequence);
  free_objects(s);
  close_all(s);
  close(fds[1]);
  if (fcntl(fds[0], F_GETFD) >= 0) /* else the connection owned it */
    close(fds[0]);
  check_after(open);
}

struct side {
  int thread, peer;
  long sequence;
};

static void *run_side(void *arg) {
  struct side *side = (struct side *)arg;
  take_steps(scenes[side->thread], side->thread, A_CONN, side->peer, side->sequence);
  return NULL;
}

/* One connection in two threads. */
static void run_both(long sequence) {
  int fds[2], open = check_open_fds();
  struct side sides[THREADS];
  pthread_t threads[THREADS];
  NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  fdwire_conn *both = keep_conn(scenes[0], fds[0], fds[0], NULL);
  for (int i = 0; i < THREADS; i++) {
    struct side side = {i, fds[1], sequence};
    sides[i] = side;
    scenes[i]->kept_conn = both;
    scenes[i]->shared = 1;
    NEED(pthread_create(&threads[i], NULL, run_side, &sides[i]) == 0);
  }
  for (int i = 0; i < THREADS; i++)
    NEED(pthread_join(threads[i], NULL) == 0);
  free_objects(scenes[0]);
  free_objects(scenes[1]);
  close(fds[1]);
  if (fcntl(fds[0], F_GETFD) >= 0)
    close(fds[0]);
  check_after(open);
}

/* ---- Processes ---- */

typedef void (*work)(int function, long from);

static void run_sequences(int to, long from) {
  for (shared->at = from; shared->at < to; shared->at++, shared->cases++)
    run_sequence(shared->at);
}

static void run_in_threads(int to, long from) {
  for (shared->at = from; shared->at < to; shared->at++, shared->cases++)
    run_both(shared->at);
}

static void begin_process(void) {
  static struct scene both[THREADS];
  static int null;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  struct rlimit memory = {(rlim_t)1 << 30, (rlim_t)1 << 30};
  NEED(setrlimit(RLIMIT_AS, &memory) == 0);
#endif
  pthread_t thread;
  for (int i = 0; i < THREADS; i++) {
    make_pages(&both[i]);
    scenes[i] = &both[i];
  }
  null = open("/dev/null", O_RDWR | O_CLOEXEC);
  NEED(null >= 0 && pthread_create(&thread, NULL, look_after, &null) == 0);
}

static void tell_end(int status) {
  if (shared->hung)
    shared->hangs++;
  else
    shared->signals++;
  for (int i = 0; i < THREADS; i++)
    for (int j = 0; j < shared->count[i]; j++) {
      printf("  %d.%d: ", i, j);
      describe(&shared->steps[i][j]);
      printf(j + 1 < shared->count[i] ? "\n" : " <- it was here\n");
    }
  printf("FAIL case or sequence %ld: %s %d\n", shared->at, shared->hung ? "it hangs, status" : "it died, status", status);
  fflush(stdout);
}

/* Does the work, again and again from behind the place where a process died. */
static void survive(work work, int argument, long from) {
  for (int deaths = 0; deaths < 20; deaths++) {
    int status;
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
      begin_process();
      work(argument, from);
      exit(0);
    }
    NEED(waitpid(child, &status, 0) == child);
    if (status == 0)
      return;
    tell_end(status);
    from = shared->at + 1;
    shared->hung = 0;
    shared->count[0] = shared->count[1] = 0;
  }
}

/* WHAT FROM TO: functions of the table, or numbers of sequences. */
int main(int argc, char **argv) {
  NEED(argc == 4);
  int from = atoi(argv[2]), to = atoi(argv[3]);
  shared = (struct shared *)mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  NEED(shared != MAP_FAILED);
  if (strcmp(argv[1], "table") == 0)
    for (int i = from; i < to && i < function_count; i++)
      survive(run_cases, i, 0);
  else
    survive(strcmp(argv[1], "threads") == 0 ? run_in_threads : run_sequences, to, from);
  printf("%ld cases, %ld calls, %ld signals, %ld hangs, %ld failures\n", shared->cases, shared->calls, shared->signals,
         shared->hangs, shared->failures);
  return shared->signals + shared->hangs + shared->failures > 0;
}
