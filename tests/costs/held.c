/* Memory follows the bytes that came, whatever length was announced: for each kind of format, each
   announced length, and each number of bytes that came of it, what the library holds is at most
   twice the bytes that came and 64 KiB; while a connection reads, the buffer of that read beside it.

   All that the process may have is bounded (RLIMIT_AS) before: an allocation of what was announced
   would fail. A line is printed for each way in: how many cases, and the worst. */
#include "../c/stream.h"

#include <malloc.h>
#include <sys/resource.h>

enum { KIB = 1024, MIB = 1024 * KIB, READ = 256 * KIB + 64 * KIB };

/* ---- What is allocated now, and was at most ---- */

void *__libc_malloc(size_t len);
void *__libc_calloc(size_t count, size_t len);
void *__libc_realloc(void *old, size_t len);
void *__libc_memalign(size_t align, size_t len);
void __libc_free(void *old);

static size_t held, peak;

static void *counted(void *memory) {
  held += memory != NULL ? malloc_usable_size(memory) : 0;
  peak = held > peak ? held : peak;
  return memory;
}

void *malloc(size_t len) { return counted(__libc_malloc(len)); }
void *calloc(size_t count, size_t len) { return counted(__libc_calloc(count, len)); }

void *realloc(void *old, size_t len) {
  size_t before = old != NULL ? malloc_usable_size(old) : 0;
  void *memory = __libc_realloc(old, len);
  if (memory == NULL && len > 0)
    return NULL;
  held -= before;
  return counted(memory);
}

int posix_memalign(void **out, size_t align, size_t len) {
  *out = counted(__libc_memalign(align, len));
  return *out == NULL ? ENOMEM : 0;
}

void free(void *old) {
  held -= old != NULL ? malloc_usable_size(old) : 0;
  __libc_free(old);
}

/* ---- Frames that announce more than comes ---- */

struct announced {
  const char *text;
  /* The head of a frame with so long a body; 0 where the format cannot say that. */
  size_t (*head)(uint8_t *head, uint64_t len);
};

static size_t big_endian(uint8_t *head, uint64_t len, int width) {
  if (width < 8 && len >> (8 * width) != 0)
    return 0;
  for (int i = 0; i < width; i++)
    head[i] = (uint8_t)(len >> 8 * (width - 1 - i));
  return (size_t)width;
}

static size_t in_u16(uint8_t *head, uint64_t len) { return big_endian(head, len, 2); }
static size_t in_u32(uint8_t *head, uint64_t len) { return big_endian(head, len, 4); }
static size_t in_u64(uint8_t *head, uint64_t len) { return big_endian(head, len, 8); }

static size_t chosen(uint8_t *head, uint64_t len) {
  head[0] = 1;
  return 1 + big_endian(head + 1, len, 8);
}

static size_t in_varint(uint8_t *head, uint64_t len) {
  size_t at = 0;
  for (; len > 127; len >>= 7)
    head[at++] = (uint8_t)(128 | (len & 127));
  head[at++] = (uint8_t)len;
  return at;
}

static size_t in_varintbe(uint8_t *head, uint64_t len) {
  uint8_t little[10];
  size_t count = in_varint(little, len);
  for (size_t i = 0; i < count; i++)
    head[i] = (uint8_t)((little[count - 1 - i] & 127) | (i + 1 < count ? 128 : 0));
  return count;
}

static size_t in_ber(uint8_t *head, uint64_t len) {
  head[0] = 0x30;
  head[1] = 0x88;
  return 2 + big_endian(head + 2, len, 8);
}

static size_t in_digits(uint8_t *head, uint64_t len) {
  return (size_t)sprintf((char *)head, "%llu:", (unsigned long long)len);
}

static size_t in_hex(uint8_t *head, uint64_t len) {
  return (size_t)sprintf((char *)head, "%llx:", (unsigned long long)len);
}

static size_t in_a_line(uint8_t *head, uint64_t len) {
  return (size_t)sprintf((char *)head, "L: %llu\r\n\r\n", (unsigned long long)len);
}

/* Those that announce nothing end when their end comes. */
static size_t unsaid(uint8_t *head, uint64_t len) {
  (void)head;
  return len == UINT64_MAX ? 0 : SIZE_MAX;
}

#define ENDLESS " max=0xffffffffffffffff"

static const struct announced kinds[] = {
    {"u16be", in_u16},
    {"u32be" ENDLESS, in_u32},
    {"u64be" ENDLESS, in_u64},
    {"varint" ENDLESS, in_varint},
    {"varintbe" ENDLESS, in_varintbe},
    {"ber digits=8" ENDLESS, in_ber},
    {"decimal until=':' digits=20" ENDLESS, in_digits},
    {"hex until=':' digits=16" ENDLESS, in_hex},
    {"netstring" ENDLESS, in_digits},
    {"headers length='L'" ENDLESS, in_a_line},
    {"select u8 { 1: u64be at=1; else: line }" ENDLESS, chosen},
    {"fixed size=2G", unsaid},
    {"line" ENDLESS, unsaid},
    {"crlf" ENDLESS, unsaid},
    {"nul" ENDLESS, unsaid},
    {"delimited by='aaab','xyz'" ENDLESS, unsaid},
    {"eof" ENDLESS, unsaid},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const uint64_t lengths[] = {0,          1,          64 * KIB,         MIB,
                                   16 * MIB,   1ull << 31, (1ull << 32) - 1, 1ull << 32,
                                   1ull << 40, INT64_MAX,  1ull << 63,       UINT64_MAX};
enum { LENGTHS = sizeof lengths / sizeof *lengths };

static const size_t come[] = {0, 1, 2, 100, 4 * KIB, 64 * KIB, 100 * KIB, 300 * KIB, MIB};
enum { COME = sizeof come / sizeof *come };

/* ---- Ways in ---- */

struct stream {
  const uint8_t *bytes;
  size_t len, at, piece;
  uint64_t held; /* by the decoder or the connection, at rest */
  size_t kept;   /* and by all of the library */
};

static int64_t comes_in_pieces(void *ctx, void *buf, size_t len) {
  struct stream *stream = (struct stream *)ctx;
  size_t part = least(least(len, stream->piece), stream->len - stream->at);
  memcpy(buf, stream->bytes + stream->at, part);
  stream->at += part;
  return part > 0 ? (int64_t)part : -EAGAIN;
}

enum way_in { FED, READ_IN, RECV, RECV_MANY, RECV_INTO, RECV_PACKED, RECV_PARTS, WAYS_IN };
static const char *const names[] = {"feed",      "space",       "recv",      "recv_many",
                                    "recv_into", "recv_packed", "recv_begin"};

static uint8_t room[2 * MIB]; /* of the caller */

static void decode(const fdwire_format *format, struct stream *stream, enum way_in way) {
  fdwire_decoder *decoder = NULL;
  fdwire_msg msg;
  size_t cap;
  void *to;
  NEED(fdwire_decoder_new(format, &decoder) == 0);
  while (stream->at < stream->len) {
    size_t part = least(stream->piece, stream->len - stream->at);
    if (way == FED) {
      if (fdwire_decoder_feed(decoder, stream->bytes + stream->at, part) < 0)
        break;
      stream->at += part;
    } else {
      if (fdwire_decoder_space(decoder, &to, &cap) < 0)
        break;
      NEED(fdwire_decoder_commit(decoder, (size_t)comes_in_pieces(stream, to, cap)) == 0);
    }
    while (fdwire_decoder_next(decoder, &msg) == 1) {
    }
  }
  stream->held = held; /* while it waits for more */
  fdwire_decoder_free(decoder);
}

static int receive_by(fdwire_conn *conn, enum way_in way) {
  fdwire_msg msgs[8];
  size_t lens[8], count;
  uint64_t body_len;
  switch (way) {
  case RECV: return fdwire_conn_recv(conn, msgs, 0);
  case RECV_MANY: return fdwire_conn_recv_many(conn, msgs, 8, &count, 0);
  case RECV_INTO: return fdwire_conn_recv_into(conn, room, sizeof room, &count, 0);
  case RECV_PACKED: return fdwire_conn_recv_packed(conn, room, sizeof room, lens, 8, &count, 0);
  default: break;
  }
  int result = fdwire_conn_recv_begin(conn, msgs, &body_len, 0);
  while (result == 1 && (result = fdwire_conn_recv_part(conn, room, 4096, &count, 0)) == 1) {
  }
  return result == 0 ? 1 : result;
}

static void receive_some(const fdwire_format *format, struct stream *stream, enum way_in way) {
  fdwire_conn *conn = NULL;
  fdwire_stats stats;
  NEED(fdwire_conn_new_over(comes_in_pieces, NULL, NULL, stream, format, &conn) == 0);
  int result;
  while ((result = receive_by(conn, way)) == 1) {
  }
  NEED(fdwire_conn_stats(conn, &stats, sizeof stats) == 0);
  if (stats.memory > 2 * stream->at + 64 * KIB) {
    printf("%s: fdwire_conn_stats says %llu bytes of memory for %zu (after %s)\n", names[way],
           (unsigned long long)stats.memory, stream->at, fdwire_error_name(result));
    check_failures++;
  }
  stream->held = stats.memory; /* what others share is looked at below */
  stream->kept = held;
  fdwire_conn_free(conn);
}

/* ---- Cases ---- */

struct tally {
  unsigned long cases;
  double worst; /* what was held of what may be */
  char what[200];
};

static void try_one(struct tally *tally, const struct announced *kind, uint64_t len, size_t came,
                    size_t piece, enum way_in way) {
  uint8_t *bytes = (uint8_t *)bytes_of(came + 64);
  size_t head_len = kind->head(bytes, len);
  if (head_len == 0) {
    free(bytes);
    return;
  }
  head_len = head_len == SIZE_MAX ? 0 : head_len;
  memset(bytes + head_len, 'x', came + 64 - head_len);
  fdwire_format *format = format_of(kind->text);
  struct stream stream = {bytes, came, 0, piece, 0, 0};
  size_t before = peak = held;
  (way <= READ_IN ? decode : receive_some)(format, &stream, way);
  /* The buffer of a read is the connection's as long as it reads; then it is kept for the next. */
  uint64_t bound = 2 * stream.at + 64 * KIB, shared = way <= READ_IN ? 0 : READ;
  uint64_t own = way <= READ_IN ? stream.held - before : stream.held;
  uint64_t all = way <= READ_IN ? own : stream.kept - before, most = peak - before;
  double share = (double)own / (double)bound;
  if (share > tally->worst) {
    tally->worst = share;
    snprintf(tally->what, sizeof tally->what, "%s, %zu bytes came", kind->text, came);
  }
  if (own > bound || all > bound + shared || most > bound + shared) {
    printf("%s: %s, %llu announced, %zu came in pieces of %zu: holds %llu, with what is shared %llu, "
           "at most %llu\n", names[way], kind->text, (unsigned long long)len, came, piece,
           (unsigned long long)own, (unsigned long long)all, (unsigned long long)most);
    check_failures++;
  }
  tally->cases++;
  fdwire_format_free(format);
  free(bytes);
}

static void bound_address_space(void) {
  struct rlimit limit;
  NEED(getrlimit(RLIMIT_AS, &limit) == 0);
  limit.rlim_cur = 64 * MIB;
  NEED(setrlimit(RLIMIT_AS, &limit) == 0);
}

int main(int argc, char **argv) {
  static const size_t pieces[] = {1000, 64 * KIB, MIB};
  if (argc == 2 && strcmp(argv[1], "kinds") == 0) {
    for (int i = 0; i < KINDS; i++)
      printf("%s\n", kinds[i].text);
    return 0;
  }
  check_begin();
  bound_address_space();
  for (int way = 0; way < WAYS_IN; way++) {
    struct tally tally;
    memset(&tally, 0, sizeof tally);
    for (int i = 0; i < KINDS; i++)
      for (int j = 0; j < LENGTHS; j++)
        for (int k = 0; k < COME; k++)
          for (int l = 0; l < 3; l++)
            try_one(&tally, &kinds[i], lengths[j], come[k], pieces[l], (enum way_in)way);
    printf("%s: %lu cases, %.3f worst: %s\n", names[way], tally.cases, tally.worst, tally.what);
  }
  return check_end();
}
