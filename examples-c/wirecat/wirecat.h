/* What the files of wirecat share: a header for all of them, in the order in which a message meets
 * them. Each file has one idea; its first lines say which. */
#ifndef WIRECAT_H
#define WIRECAT_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif

#include "fdwire.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* How it ends. The man page has them. */
enum status { FINE, BROKEN, USAGE, NO_PEER, TIMED_OUT, LOST, COMMAND_FAILED };

/* ---- report.c -------------------------------------------------------------------------------- */

#if defined __GNUC__
#define PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define PRINTF(text, first)
#endif

/* For people, on standard error: what went wrong; and what --quiet keeps to itself. */
void complain(const char *format, ...) PRINTF(1, 2);
void note(const char *format, ...) PRINTF(1, 2);
void quiet_notes(void);
/* Complains of a result below 0, by its text and its name. */
void complain_of(const char *what, int result);
double seconds(void);

/* "1 message", "2 messages" */
struct counted {
  char text[50];
};
const char *count(struct counted *counted, uint64_t number, const char *what);

/* How far a large message is: a line that is written over itself, on a terminal. */
struct progress {
  bool shown;
  uint64_t size;
  double begin, next;
};
void progress_begin(struct progress *progress, bool wanted, uint64_t size);
void progress_show(struct progress *progress, const char *what, uint64_t done);
void progress_end(struct progress *progress);

/* ---- bytes.c --------------------------------------------------------------------------------- */

/* Bytes that grow. Without memory the program ends, saying so. */
struct bytes {
  uint8_t *at;
  size_t len, cap;
};
void bytes_add(struct bytes *bytes, const void *more, size_t len);
void bytes_room(struct bytes *bytes, size_t len); /* for so many, all told */
void bytes_drop(struct bytes *bytes, size_t len); /* from the front */
void bytes_free(struct bytes *bytes);

/* A message to be sent: a head or a part of one, and a body, in memory or in a file. */
struct message {
  struct bytes head, body;
  int file; /* -1: in memory */
  uint64_t offset, size;
};
void message_clear(struct message *message);

/* What people write: 'HEAD|BODY' with escapes, or in hex digits. NULL, or what is wrong. */
const char *parse_text(const uint8_t *text, size_t len, struct message *message);
const char *parse_hex(const uint8_t *text, size_t len, struct message *message);
/* The bytes of the UTF-8 character at p: 0 if more of it must come, -1 if it is none. */
int utf8_len(const uint8_t *p, size_t len);

/* ---- options.c ------------------------------------------------------------------------------- */

enum in_form { IN_LINES, IN_TEXT, IN_HEX, IN_RAW, IN_FRAMES };
enum out_form { OUT_TEXT, OUT_LINES, OUT_HEX, OUT_DUMP, OUT_JSON, OUT_RAW };
enum { HEAD = 1, BODY = 2, TAIL = 4 };

/* Where messages come from: a word of the command line, a file, standard input. */
enum kind { WORD, PATH, STDIN };
struct source {
  enum kind kind;
  const char *text;
};

struct options {
  const char *format, *send_format, *recv_format, *send_first, *recv_first;
  bool listen, keep, hold, send_only, recv_only, skip, turns;
  bool both, time, stats, describe, list;
  int timeout_ms;
  uint64_t count, cut; /* UINT64_MAX: no limit */
  enum in_form in;
  enum out_form out;
  unsigned parts;
  bool colour_out, colour_err;
  struct bytes head;
  struct source *sources;
  size_t source_count;
  const char *address, *to;
  char **command;
};

/* Whether it stands between two peers. */
bool between(const struct options *options);
/* -1, or how the program is to end at once. */
int parse_options(struct options *options, int argc, char **argv);

/* ---- formats.c ------------------------------------------------------------------------------- */

/* What is known of a message before its body. */
struct shown {
  bool sent;
  uint64_t number, offset, body_len;
  const uint8_t *head;
  size_t head_len, tail_len;
};

/* Formats of each direction; that of the first message may be another. */
struct formats {
  fdwire_format *send, *recv, *send_first, *recv_first;
};

bool make_formats(struct formats *formats, const struct options *options);
void free_formats(struct formats *formats);
int describe_formats(const struct formats *formats);
int list_presets(const char *word);
/* A head that was given in part gets the rest from the format. */
int complete_head(const fdwire_format *format, struct message *message);
/* The frame in which a message goes out, and its parts; of one in a file, the head alone. */
int make_frame(const fdwire_format *format, const struct message *message, struct bytes *frame,
               struct shown *shown);

/* ---- peer.c ---------------------------------------------------------------------------------- */

/* Who is talked to: descriptors to receive from and to send to, -1 where there is none. */
struct peer {
  int in, out;
  pid_t command; /* 0: no command */
};

/* FINE, or why there is none; it has been said then. */
int open_listener(const struct options *options, int *listener);
void close_listener(int listener);
int open_peer(const struct options *options, int listener, struct peer *peer);
int open_other(const struct options *options, struct peer *peer); /* the second of two */
/* Once its descriptors are closed: waits a little for a command; early: it was not heard out. */
int end_command(const struct peer *peer, bool early);
void abandon_peer(const struct peer *peer); /* which cannot be talked to */
bool uses(const struct options *options, int fd); /* as the peer */

/* ---- input.c --------------------------------------------------------------------------------- */

/* Messages to be sent. */
struct input {
  const struct options *options;
  const struct formats *formats;
  size_t next; /* source */
  struct bytes read;
  size_t used, searched; /* of what was read */
  bool ended;            /* standard input */
  bool done;             /* with it */
  uint64_t lines;
  fdwire_decoder *frames;
};

void input_begin(struct input *input, const struct options *options, const struct formats *formats);
void input_again(struct input *input); /* for the next client */
void input_free(struct input *input);
/* 1: a message; 0: there are no more; -EAGAIN: input_read has to come first; below: it has been
 * said what is wrong, and -EINVAL concerns this one alone. */
int input_next(struct input *input, struct message *message);
int input_read(struct input *input);
bool input_waits(const struct input *input); /* for standard input */
bool input_holds(const struct input *input); /* something that was not taken yet */
int load_file(struct message *message);      /* into memory */

/* ---- show.c, show_text.c, show_dump.c, show_json.c ------------------------------------------- */

struct show {
  const struct options *options;
  const struct form *form;
  FILE *out;
  int error; /* errno, once writing has failed */
  bool complained;
  double begin;
  const char *faint, *strong, *plain; /* colours, or nothing */
  /* of the message that is being shown */
  struct shown message;
  bool open;
  unsigned part;
  uint64_t part_len, part_done;
  uint8_t carry[16]; /* bytes that wait for more to be shown with */
  size_t carried;
  bool zero; /* that waits to be shown */
  struct bytes whole;
};

/* A form of output: what it writes at each point of a message. */
struct form {
  void (*begin)(struct show *show);
  void (*open)(struct show *show); /* a part: head, body, tail */
  void (*bytes)(struct show *show, const uint8_t *bytes, size_t len);
  void (*close)(struct show *show);
  void (*end)(struct show *show, bool cut_off);
  bool can_cut;
};
extern const struct form form_text, form_lines, form_hex, form_dump, form_json, form_raw;

void show_begin(struct show *show, const struct options *options);
void show_message(struct show *show, const struct shown *message);
void show_body(struct show *show, const void *bytes, size_t len);
void show_end(struct show *show, const uint8_t *tail, size_t tail_len);
void show_cut_off(struct show *show);
bool show_flush(struct show *show); /* false: it cannot be written, and that has been said */
void show_free(struct show *show);
const char *part_name(const struct show *show);

/* ---- interrupt.c ----------------------------------------------------------------------------- */

/* Between these two, SIGINT and SIGTERM are there to be read: from this descriptor, -1 if none. */
int interrupts_begin(void);
void interrupts_end(void);
bool interrupted(void);
/* Ends the program by the signal that came meanwhile, if one did. */
void end_by_signal(void);

/* ---- talk.c ---------------------------------------------------------------------------------- */

/* Sends and shows until both directions are done; then closes the peer's descriptors. */
int talk(const struct options *options, const struct formats *formats, const struct peer *peer,
         struct input *input, struct show *show);

/* ---- tap.c ----------------------------------------------------------------------------------- */

/* Passes on and shows what two peers say to one another; then closes their descriptors. */
int tap(const struct options *options, const struct formats *formats, const struct peer *client,
        const struct peer *server, struct show *show);

#endif
