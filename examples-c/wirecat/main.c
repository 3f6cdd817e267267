/* wirecat sends and shows messages in any format, over sockets, pipes and descriptors. wirecat(1),
 * beside this file's folder, says how it is used; wirecat.h how it is built. */
#include "wirecat.h"

#include <stdlib.h>

static int stand_between(const struct options *options, const struct formats *formats,
                         const struct peer *client, struct show *show) {
  struct peer server;
  int status = open_other(options, &server);
  if (status != FINE)
    abandon_peer(client);
  return status == FINE ? tap(options, formats, client, &server, show) : status;
}

/* One peer, or one client after the other. */
static int serve(const struct options *options, const struct formats *formats, struct input *input,
                 struct show *show) {
  struct peer peer;
  int listener = -1, status = FINE;
  if (options->listen && (status = open_listener(options, &listener)) != FINE)
    return status;
  do {
    status = open_peer(options, listener, &peer);
    if (listener >= 0 && !options->keep)
      close_listener(listener);
    if (status != FINE)
      break;
    status = between(options) ? stand_between(options, formats, &peer, show)
                              : talk(options, formats, &peer, input, show);
    input_again(input);
  } while (options->keep && !interrupted() && show_flush(show));
  if (options->keep)
    close_listener(listener);
  return status;
}

static int converse(const struct options *options, const struct formats *formats) {
  struct input input;
  struct show show;
  input_begin(&input, options, formats);
  show_begin(&show, options);
  int status = serve(options, formats, &input, &show);
  if (!show_flush(&show) && status == FINE)
    status = LOST;
  show_free(&show);
  input_free(&input);
  return status;
}

int main(int argc, char **argv) {
  struct options options;
  struct formats formats;
  int status = parse_options(&options, argc, argv);
  if (status < 0 && options.list)
    status = list_presets(options.address);
  if (status < 0) {
    if (!make_formats(&formats, &options))
      status = USAGE;
    else
      status = options.describe ? describe_formats(&formats) : converse(&options, &formats);
    free_formats(&formats);
  }
  bytes_free(&options.head);
  free(options.sources);
  end_by_signal();
  return status;
}
