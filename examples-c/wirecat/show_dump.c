/* A message over several lines: where it is in the stream, then its parts, sixteen bytes a line,
 * with their offsets in the part. */
#include "wirecat.h"

#include <ctype.h>
#include <string.h>

enum { ROW = 16 };

static void dump_begin(struct show *show) {
  const struct shown *message = &show->message;
  fprintf(show->out, "%s%s message %llu at %llu", show->strong, message->sent ? ">" : "<",
          (unsigned long long)message->number, (unsigned long long)message->offset);
  if (show->options->time)
    fprintf(show->out, ", %.6f s", seconds() - show->begin);
  fprintf(show->out, ": head %zu, body %llu, tail %zu%s\n", message->head_len,
          (unsigned long long)message->body_len, message->tail_len, show->plain);
}

static void row(struct show *show) {
  unsigned long long at = show->part_done - show->carried;
  fprintf(show->out, "  %s%s %08llx ", show->faint, part_name(show), at);
  fputs(show->plain, show->out);
  for (size_t i = 0; i < ROW; i++) {
    if (i == ROW / 2)
      putc(' ', show->out);
    if (i < show->carried)
      fprintf(show->out, " %02x", show->carry[i]);
    else
      fputs("   ", show->out);
  }
  fputs("  |", show->out);
  for (size_t i = 0; i < show->carried; i++)
    putc(show->carry[i] < 0x7f && isprint(show->carry[i]) ? show->carry[i] : '.', show->out);
  fputs("|\n", show->out);
  show->carried = 0;
}

static void dump_open(struct show *show) { show->carried = 0; }

/* part_done is behind all of these bytes already: a row is told how far it is. */
static void dump_bytes(struct show *show, const uint8_t *bytes, size_t len) {
  uint64_t end = show->part_done;
  show->part_done -= len;
  while (len > 0) {
    size_t n = ROW - show->carried < len ? ROW - show->carried : len;
    memcpy(show->carry + show->carried, bytes, n);
    show->carried += n;
    show->part_done += n;
    bytes += n;
    len -= n;
    if (show->carried == ROW)
      row(show);
  }
  show->part_done = end;
}

static void dump_close(struct show *show) {
  if (show->carried > 0)
    row(show);
  if (show->part_done < show->part_len && show->part_done == show->options->cut)
    fprintf(show->out, "  %s%s ...%s\n", show->faint, part_name(show), show->plain);
}

static void dump_end(struct show *show, bool cut_off) {
  if (cut_off)
    fputs("  (cut off)\n", show->out);
}

const struct form form_dump = {dump_begin, dump_open, dump_bytes, dump_close, dump_end, true};
