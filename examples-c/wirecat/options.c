/* The command line: one table from which it is read, and --help written. */
#include "wirecat.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum id {
  FORMAT, SEND_FORMAT, RECV_FORMAT, SEND_FIRST, RECV_FIRST, SKIP, DESCRIBE, LIST,
  LISTEN, KEEP, TO, SEND_ONLY, RECV_ONLY, HOLD, TURNS, COUNT, TIMEOUT,
  MESSAGE, FILE_BODY, IN, ESCAPES, HEAD_BYTES,
  OUT, SHOW, BOTH, CUT, TIME, STATS, QUIET, COLOR, HELP, VERSION
};

struct option {
  enum id id;
  char letter; /* 0: none */
  const char *name, *argument, *help, *chapter;
};

static const struct option table[] = {
    {FORMAT, 'f', "format", "FORMAT", "how messages are laid out", "Formats"},
    {SEND_FORMAT, 0, "send-format", "FORMAT", "those that are sent", NULL},
    {RECV_FORMAT, 0, "recv-format", "FORMAT", "those that are received", NULL},
    {SEND_FIRST, 0, "send-first", "FORMAT", "the first that is sent", NULL},
    {RECV_FIRST, 0, "recv-first", "FORMAT", "the first that is received", NULL},
    {SKIP, 0, "skip", NULL, "go past messages that are too long", NULL},
    {DESCRIBE, 0, "describe", NULL, "draw a frame of the format", NULL},
    {LIST, 0, "list", NULL, "list the formats that have a name [like WORD]", NULL},
    {LISTEN, 'l', "listen", NULL, "listen on ADDRESS, for one client", "Connection"},
    {KEEP, 'k', "keep", NULL, "listen for one client after the other", NULL},
    {TO, 0, "to", "ADDRESS", "stand between who connects and ADDRESS, and show both", NULL},
    {SEND_ONLY, 0, "send-only", NULL, "receive nothing", NULL},
    {RECV_ONLY, 0, "recv-only", NULL, "send nothing", NULL},
    {HOLD, 0, "hold", NULL, "do not end sending where the input ends", NULL},
    {TURNS, 't', "turns", NULL, "after each message sent, await one", NULL},
    {COUNT, 'n', "count", "N", "stop after N messages received", NULL},
    {TIMEOUT, 'w', "timeout", "SECONDS", "give up where nothing moves for so long", NULL},
    {MESSAGE, 'm', "message", "TEXT", "send this instead of standard input", "Input"},
    {FILE_BODY, 0, "file", "PATH", "send what is in the file as one message; - is the input", NULL},
    {IN, 'i', "in", "FORM", "lines (default), text, hex, raw or frames", NULL},
    {ESCAPES, 'e', "escapes", NULL, "the same as --in text: 'HEAD|BODY', with \\0 and \\xHH", NULL},
    {HEAD_BYTES, 0, "head", "BYTES", "what heads begin with, with escapes", NULL},
    {OUT, 'o', "out", "FORM", "text (default), lines, hex, dump, json or raw", "Output"},
    {SHOW, 's', "show", "PARTS", "head, body, tail or frame; several with commas", NULL},
    {BOTH, 'b', "both", NULL, "show what is sent, too", NULL},
    {CUT, 0, "cut", "SIZE", "show no more of each body", NULL},
    {TIME, 0, "time", NULL, "show the seconds since the start", NULL},
    {STATS, 0, "stats", NULL, "say at the end how much there was", NULL},
    {QUIET, 'q', "quiet", NULL, "say nothing but errors", NULL},
    {COLOR, 0, "color", "WHEN", "auto (default: on a terminal), always or never", NULL},
    {HELP, 'h', "help", NULL, "show this", NULL},
    {VERSION, 'V', "version", NULL, "show the version", NULL},
};

enum { OPTIONS = sizeof table / sizeof *table };

static const char usage[] =
    "usage: wirecat [OPTION]... ADDRESS            connect, send lines, show what comes\n"
    "       wirecat [OPTION]... --listen ADDRESS   be who is connected to\n"
    "       wirecat [OPTION]... -- COMMAND ARG...  talk to a command through pipes\n"
    "       wirecat [OPTION]... -                  show the stream on standard input\n"
    "       wirecat [OPTION]... --listen ADDRESS --to ADDRESS    show what two say to one another\n"
    "       wirecat [OPTION]... - -- COMMAND ARG...              the same, between pipes\n"
    "ADDRESS: HOST:PORT, [V6]:PORT, unix:PATH or PATH, fd:N, fd:IN,OUT or -\n"
    "FORMAT: a name from --list, or a text as fdwire.h explains it; default: u32be\n";

static int help(void) {
  fputs(usage, stdout);
  for (const struct option *option = table; option < table + OPTIONS; option++) {
    char both[60];
    if (option->chapter != NULL)
      printf("\n%s:\n", option->chapter);
    snprintf(both, sizeof both, "--%s%s%s", option->name, option->argument == NULL ? "" : " ",
             option->argument == NULL ? "" : option->argument);
    printf("  %c%c%c %-22s %s\n", option->letter ? '-' : ' ', option->letter ? option->letter : ' ',
           option->letter ? ',' : ' ', both, option->help);
  }
  fputs("\nIt ends with 0 if all went well, 1 for a stream that broke or was cut off, 2 for a\n"
        "wrong command line, 3 without a peer, 4 out of time, 5 if the peer broke off, 6 if the\n"
        "command failed. wirecat(1) has examples.\n",
        stdout);
  return fflush(stdout) == 0 ? FINE : LOST;
}

static int wrong(const char *what, const char *why) {
  complain("%s: %s; --help shows what there is", what, why);
  return USAGE;
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* Which of the words, blanks between them, a value is; -1 if none. */
static int which(const char *value, const char *words) {
  size_t len = strlen(value);
  for (int i = 0; *words != 0; i++) {
    size_t word = strcspn(words, " ");
    if (word == len && memcmp(value, words, len) == 0)
      return i;
    words += word + (words[word] == ' ');
  }
  return -1;
}

static bool parse_size(const char *value, uint64_t *size) {
  char *end;
  unsigned long long number = strtoull(value, &end, 10);
  int unit = *end == 0 ? 0 : which(end, "K M G") + 1;
  if (value[0] < '0' || value[0] > '9' || (*end != 0 && unit == 0) || number >= 1ull << 33)
    return false;
  *size = (uint64_t)number << (10 * unit);
  return true;
}

static bool parse_seconds(const char *value, int *timeout_ms) {
  char *end;
  double number = strtod(value, &end);
  if (end == value || *end != 0 || !(number >= 0) || number > 1e6)
    return false;
  *timeout_ms = (int)(number * 1000 + 0.999);
  return true;
}

static bool parse_parts(const char *value, unsigned *parts) {
  static const unsigned each[] = {HEAD, BODY, TAIL, HEAD | BODY | TAIL};
  char copy[64];
  if (strlen(value) >= sizeof copy)
    return false;
  strcpy(copy, value);
  *parts = 0;
  for (char *word = copy, *comma; word != NULL; word = comma) {
    comma = strchr(word, ',');
    if (comma != NULL)
      *comma++ = 0;
    int i = which(word, "head body tail frame");
    if (i < 0)
      return false;
    *parts |= each[i];
  }
  return true;
}

static bool parse_head(const char *value, struct bytes *head) {
  struct message parsed = {{NULL, 0, 0}, {NULL, 0, 0}, -1, 0, 0};
  const char *why = parse_text((const uint8_t *)value, strlen(value), &parsed);
  bool good = why == NULL && parsed.head.len == 0;
  bytes_free(head);
  if (good)
    *head = parsed.body;
  else
    bytes_free(&parsed.body);
  bytes_free(&parsed.head);
  return good;
}

static void add_source(struct options *options, const char *text, bool is_path) {
  size_t size = (options->source_count + 1) * sizeof *options->sources;
  options->sources = (struct source *)realloc(options->sources, size);
  if (options->sources == NULL) {
    complain("there is no memory");
    exit(LOST);
  }
  struct source *source = &options->sources[options->source_count++];
  source->kind = !is_path ? WORD : strcmp(text, "-") == 0 ? STDIN : PATH;
  source->text = text;
}

static bool parse_color(const char *value, struct options *options) {
  const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");
  int when = which(value, "auto always never");
  bool able = (no == NULL || *no == 0) && (terminal == NULL || strcmp(terminal, "dumb") != 0);
  options->colour_out = when == 1 || (when == 0 && able && isatty(STDOUT_FILENO));
  options->colour_err = when == 1 || (when == 0 && able && isatty(STDERR_FILENO));
  return when >= 0;
}

/* ---- Options --------------------------------------------------------------------------------- */

/* An option that is there or not. */
static bool *flag(struct options *options, enum id id) {
  switch (id) {
  case SKIP: return &options->skip;
  case DESCRIBE: return &options->describe;
  case LIST: return &options->list;
  case LISTEN: return &options->listen;
  case KEEP: return &options->keep;
  case SEND_ONLY: return &options->send_only;
  case RECV_ONLY: return &options->recv_only;
  case HOLD: return &options->hold;
  case TURNS: return &options->turns;
  case BOTH: return &options->both;
  case TIME: return &options->time;
  case STATS: return &options->stats;
  default: return NULL;
  }
}

static bool set_form(struct options *options, enum id id, const char *value) {
  static const enum in_form in[] = {IN_LINES, IN_TEXT, IN_HEX, IN_RAW, IN_FRAMES};
  static const enum out_form out[] = {OUT_TEXT, OUT_LINES, OUT_HEX, OUT_DUMP, OUT_JSON, OUT_RAW};
  int i = which(value, id == IN ? "lines text hex raw frames" : "text lines hex dump json raw");
  if (i >= 0 && id == IN)
    options->in = in[i];
  else if (i >= 0)
    options->out = out[i];
  return i >= 0;
}

/* Whether it is a value of this option. */
static bool set_value(struct options *options, enum id id, const char *value) {
  switch (id) {
  case FORMAT: options->format = value; return true;
  case SEND_FORMAT: options->send_format = value; return true;
  case RECV_FORMAT: options->recv_format = value; return true;
  case TO: options->to = value; return true;
  case SEND_FIRST: options->send_first = value; return true;
  case RECV_FIRST: options->recv_first = value; return true;
  case MESSAGE: add_source(options, value, false); return true;
  case FILE_BODY: add_source(options, value, true); return true;
  case IN:
  case OUT: return set_form(options, id, value);
  case HEAD_BYTES: return parse_head(value, &options->head);
  case SHOW: return parse_parts(value, &options->parts);
  case CUT: return parse_size(value, &options->cut);
  case COUNT: return parse_size(value, &options->count) && options->count > 0;
  case TIMEOUT: return parse_seconds(value, &options->timeout_ms);
  case COLOR: return parse_color(value, options);
  default: return false;
  }
}

static int set(struct options *options, const struct option *option, const char *value) {
  if (option->id == HELP)
    return help();
  if (option->id == VERSION)
    return printf("wirecat of fdwire %s\n", fdwire_version()) < 0 ? LOST : FINE;
  if (option->id == QUIET)
    quiet_notes();
  else if (option->id == ESCAPES)
    options->in = IN_TEXT;
  else if (option->argument == NULL)
    *flag(options, option->id) = true;
  else if (!set_value(options, option->id, value))
    return complain("--%s %s: no %s here; --help shows what there is", option->name, value,
                    option->argument),
           USAGE;
  return -1;
}

/* ---- Words ----------------------------------------------------------------------------------- */

/* A word that is being read, and the rest behind it. */
struct words {
  char **next, *word;
};

static const struct option *named(const char *name, size_t len) {
  for (const struct option *option = table; option < table + OPTIONS; option++)
    if (strlen(option->name) == len && memcmp(option->name, name, len) == 0)
      return option;
  return NULL;
}

static const struct option *lettered(char letter) {
  for (const struct option *option = table; option < table + OPTIONS; option++)
    if (option->letter == letter)
      return option;
  return NULL;
}

/* --name, --name=value, --name value */
static int read_long(struct options *options, struct words *words) {
  char *name = words->word + 2, *value = strchr(name, '=');
  const struct option *option = named(name, value == NULL ? strlen(name) : (size_t)(value - name));
  if (option == NULL)
    return wrong(words->word, "no such option");
  if ((value != NULL) > (option->argument != NULL))
    return wrong(words->word, "it takes no value");
  if (value != NULL)
    value++;
  else if (option->argument != NULL && (value = *words->next++) == NULL)
    return wrong(words->word, "a value is missing");
  return set(options, option, value);
}

/* -a, -abc, -fvalue, -f value */
static int read_short(struct options *options, struct words *words) {
  for (char *letter = words->word + 1; *letter != 0; letter++) {
    const struct option *option = lettered(*letter);
    if (option == NULL)
      return wrong(words->word, "no such option");
    bool valued = option->argument != NULL;
    char *value = valued ? letter[1] != 0 ? letter + 1 : *words->next++ : NULL;
    if (valued && value == NULL)
      return wrong(words->word, "a value is missing");
    int end = set(options, option, value);
    if (valued || end >= 0)
      return end;
  }
  return -1;
}

static int read_words(struct options *options, struct words *words) {
  while ((words->word = *words->next) != NULL) {
    words->next++;
    int end = -1;
    if (strcmp(words->word, "--") == 0)
      return options->command = words->next, -1;
    if (strncmp(words->word, "--", 2) == 0)
      end = read_long(options, words);
    else if (words->word[0] == '-' && words->word[1] != 0)
      end = read_short(options, words);
    else if (options->address != NULL)
      end = wrong(words->word, "there is an address already");
    else
      options->address = words->word;
    if (end >= 0)
      return end;
  }
  return -1;
}

bool between(const struct options *options) {
  return options->address != NULL && (options->to != NULL || options->command != NULL);
}

/* What does not go together. */
static int check_together(const struct options *options) {
  if (options->command != NULL && options->command[0] == NULL)
    return wrong("--", "the command is missing");
  if (options->command != NULL && options->to != NULL)
    return wrong("--to", "the command is there already");
  if (options->address == NULL && (options->command == NULL || options->listen))
    return wrong("ADDRESS", "it is missing");
  if (between(options) && (options->source_count > 0 || options->send_only || options->recv_only ||
                           options->hold || options->turns || options->count != UINT64_MAX))
    return wrong(options->to != NULL ? "--to" : "--", "between two there is nothing to be said");
  if (options->keep && !options->listen)
    return wrong("--keep", "it belongs to --listen");
  if (options->send_only && (options->recv_only || options->turns || options->count != UINT64_MAX))
    return wrong("--send-only", "nothing is received with it");
  if (options->recv_only && options->source_count > 0)
    return wrong("--recv-only", "nothing is sent with it");
  if (options->both && (options->out == OUT_RAW || options->out == OUT_LINES))
    return wrong("--both", "raw and lines do not tell the directions apart");
  if (options->time && (options->out == OUT_RAW || options->out == OUT_LINES))
    return wrong("--time", "raw and lines have no place for it");
  if (options->cut != UINT64_MAX && options->out != OUT_TEXT && options->out != OUT_HEX &&
      options->out != OUT_DUMP)
    return wrong("--cut", "only text, hex and dump can be cut");
  return -1;
}

/* Standard input is the input where nothing else is named, and it is not the peer. */
static void add_input(struct options *options) {
  bool silent = between(options) || options->recv_only || uses(options, STDIN_FILENO);
  if (options->source_count == 0 && !silent)
    add_source(options, "-", true);
}

int parse_options(struct options *options, int argc, char **argv) {
  memset(options, 0, sizeof *options);
  options->timeout_ms = -1;
  options->count = options->cut = UINT64_MAX;
  parse_color("auto", options);
  struct words words = {argv + (argc > 0), NULL};
  int end = read_words(options, &words);
  options->both = options->both || between(options);
  if (end < 0 && !options->describe && !options->list)
    end = check_together(options);
  if (options->parts == 0)
    options->parts = options->out == OUT_DUMP || options->out == OUT_JSON ? HEAD | BODY : BODY;
  if (end < 0)
    add_input(options);
  return end;
}
